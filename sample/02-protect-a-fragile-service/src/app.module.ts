import { Module } from '@nestjs/common';
import { RateLimitModule } from 'nestjs-floodgate';
import { FragileServiceClient } from './fragile-service.client.js';
import { OrdersController } from './orders.controller.js';

@Module({
  // Several instances share one line only on Redis.
  imports: [RateLimitModule.forRoot({ redis: process.env.REDIS_URL })],
  controllers: [OrdersController],
  providers: [FragileServiceClient],
})
export class AppModule {}
