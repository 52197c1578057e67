import { type CanActivate, Controller, Get, UseGuards } from '@nestjs/common';
import { SkipThrottle, Throttle, ThrottlerGuard } from '@nestjs/throttler';

class OpenDoor implements CanActivate {
  canActivate() {
    return true;
  }
}

@Controller('guarded')
@UseGuards(ThrottlerGuard)
export class GuardedController {
  @Get('a')
  a() {
    return [];
  }

  @Get('b')
  b() {
    return [];
  }

  @Get('skipped')
  @SkipThrottle()
  skipped() {
    return [];
  }

  @Throttle({ default: { limit: 1, ttl: 60_000 } })
  @Get('once')
  once() {
    return [];
  }
}

@Controller('free')
export class FreeController {
  @Get('a')
  a() {
    return [];
  }

  @UseGuards(OpenDoor, ThrottlerGuard)
  @Get('guarded')
  guarded() {
    return [];
  }

  @UseGuards(ThrottlerGuard)
  @Throttle({ default: { limit: 1 } })
  @Get('once')
  once() {
    return [];
  }
}
