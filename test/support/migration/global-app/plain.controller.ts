import { type ArgumentsHost, Catch, Controller, type ExceptionFilter, Get, UseFilters } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Throttle, ThrottlerException } from '@nestjs/throttler';

@Catch(ThrottlerException)
export class SlowDownFilter implements ExceptionFilter<ThrottlerException> {
  constructor(private readonly host: HttpAdapterHost) {}

  catch(exception: ThrottlerException, host: ArgumentsHost) {
    const body = { slowDown: exception.getStatus() };
    this.host.httpAdapter.reply(host.switchToHttp().getResponse(), body, 429);
  }
}

@Controller('plain')
export class PlainController {
  @Get('a')
  a() {
    return [];
  }

  @Get('b')
  b() {
    return [];
  }

  // Costly, so few.
  @Throttle({ burst: { limit: 2, ttl: 60_000 } })
  @Get('costly')
  costly() {
    return [];
  }

  @Get('half') @Throttle({ burst: { limit: 3 }, default: { limit: 2, ttl: 60_000 } }) half() {
    return [];
  }

  @Get('filtered')
  @Throttle({ burst: { limit: 1 } })
  @UseFilters(SlowDownFilter)
  filtered() {
    return [];
  }
}
