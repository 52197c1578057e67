import {
  type ArgumentsHost,
  Catch,
  Controller,
  type DynamicModule,
  Get,
  Module,
  UseFilters,
} from '@nestjs/common';
import {
  byGlobal,
  type Decision,
  LeakyBucket,
  RateLimit,
  RateLimitDecision,
  RateLimitExceededException,
  RateLimitModule,
  TokenBucket,
  tokenBucket,
} from 'nestjs-floodgate';

export const jobs = tokenBucket({ name: 'jobs', capacity: 1, rate: '1/day' });

/** Nest asks `instanceof` before it calls a filter: were there two copies of the class, this one would stay silent. */
@Catch(RateLimitExceededException)
class TeapotFilter {
  catch(exception: RateLimitExceededException, host: ArgumentsHost) {
    const { policy } = exception.decision;
    host.switchToHttp().getResponse().status(418).json({ policy });
  }
}

@Controller('cats')
export class CatsController {
  @Get()
  @TokenBucket({ capacity: 1, rate: '1/day' })
  find(@RateLimitDecision() decision: Decision) {
    return { left: decision.remaining, source: decision.source };
  }

  @Get('caught')
  @RateLimit(jobs)
  @UseFilters(TeapotFilter)
  caught() {
    return {};
  }

  @Get('waits')
  @LeakyBucket({ capacity: 2, rate: 4, key: byGlobal() })
  waits(@RateLimitDecision() decision: Decision) {
    return { delayed: decision.delayMs > 0 };
  }
}

@Module({})
class AppModule {}

/** An application of somebody who uses the package. Without a URL its buckets are in memory. */
export const appModule = (redis?: string) =>
  appWith(RateLimitModule.forRoot({ redis, prefix: `package-${process.pid}`, policies: [jobs] }));

export const appWith = (rateLimit: DynamicModule): DynamicModule => ({
  module: AppModule,
  imports: [rateLimit],
  controllers: [CatsController],
});
