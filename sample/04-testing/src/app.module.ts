import { Module } from '@nestjs/common';
import { byHeader, RateLimitModule, tokenBucket } from 'nestjs-floodgate';
import { CommentsController } from './comments.controller.js';
import { ExportsController } from './exports.controller.js';
import { SearchController } from './search.controller.js';

@Module({
  imports: [
    RateLimitModule.forRoot({
      redis: process.env.REDIS_URL,
      key: byHeader('x-user-id'),
      global: [tokenBucket({ name: 'api', capacity: 100, rate: '100/min' })],
    }),
  ],
  controllers: [CommentsController, ExportsController, SearchController],
})
export class AppModule {}
