import { Module } from '@nestjs/common';
import { ThrottlerModule } from '@nestjs/throttler';
import { FreeController, GuardedController } from './controllers.js';

@Module({
  imports: [
    ThrottlerModule.forRoot({
      // Each customer has a key.
      getTracker: (request) => request.headers['x-api-key'],
      setHeaders: false,
      skipIf: (context) => context.switchToHttp().getRequest().headers['x-internal'] === 'yes',
      throttlers: [{ limit: 2, ttl: 60_000, blockDuration: 0 }],
    }),
  ],
  controllers: [FreeController, GuardedController],
})
export class AppModule {}
