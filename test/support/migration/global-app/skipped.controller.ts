import { Controller, Get } from '@nestjs/common';
import { SkipThrottle, Throttle } from '@nestjs/throttler';

@SkipThrottle({ burst: true, default: true })
@Controller('skipped')
export class SkippedController {
  @Get('free')
  free() {
    return [];
  }

  @SkipThrottle({ burst: false })
  @Get('limited')
  limited() {
    return [];
  }

  @SkipThrottle({ burst: false })
  @Throttle({ burst: { limit: 1, ttl: 60_000 } })
  @Get('tight')
  tight() {
    return [];
  }

  @Throttle({ burst: { limit: 1, ttl: 60_000 } })
  @Get('without-effect')
  withoutEffect() {
    return [];
  }
}
