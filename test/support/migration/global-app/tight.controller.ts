import { Controller, Get } from '@nestjs/common';
import { SkipThrottle, Throttle } from '@nestjs/throttler';

@Controller('tight')
@Throttle({ burst: { limit: 3 } })
export class TightController {
  @Get('a')
  a() {
    return [];
  }

  @Get('b')
  b() {
    return [];
  }

  @Throttle({ burst: { limit: 1 } })
  @Get('once')
  once() {
    return [];
  }

  @SkipThrottle({ burst: true })
  @Get('long')
  long() {
    return [];
  }

  @SkipThrottle()
  @Get('short')
  short() {
    return [];
  }
}
