import { Module } from '@nestjs/common';
import { RateLimitModule } from 'nestjs-floodgate';
import { FragileServiceClient } from './fragile-service.client.js';
import { OrdersController } from './orders.controller.js';

@Module({
  imports: [
    RateLimitModule.forRoot({
      // Several instances share one line only on Redis.
      redis: process.env.REDIS_URL,
      // Who waits for a turn can wait a little for Redis too, rather than join a line that this instance keeps alone.
      storeTimeoutMs: 2000,
      // Without Redis, two instances send half as much each: together no more than the service takes.
      fallbackInstances: 2,
    }),
  ],
  controllers: [OrdersController],
  providers: [FragileServiceClient],
})
export class AppModule {}
