import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { minutes, ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import { PlainController } from './plain.controller.js';
import { SkippedController } from './skipped.controller.js';
import { TightController } from './tight.controller.js';

@Module({
  imports: [
    ThrottlerModule.forRoot([
      { name: 'burst', limit: 4, ttl: minutes(1) }, // few at once
      {
        ttl: 10 * 60_000, // ten minutes
        limit: 6,
      },
    ]),
  ],
  controllers: [PlainController, SkippedController, TightController],
  providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
})
export class AppModule {}
