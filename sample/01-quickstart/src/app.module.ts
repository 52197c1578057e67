import { Module } from '@nestjs/common';
import { RateLimitModule } from 'nestjs-floodgate';
import { ChatController } from './chat.controller.js';
import { DraftsController } from './drafts.controller.js';
import { PingController } from './ping.controller.js';

@Module({
  // Without REDIS_URL the buckets live in this process; with it all instances share them.
  imports: [RateLimitModule.forRoot({ redis: process.env.REDIS_URL })],
  controllers: [ChatController, DraftsController, PingController],
})
export class AppModule {}
