import { Controller, Get } from '@nestjs/common';
import { TokenBucket } from 'nestjs-floodgate';

@Controller('ping')
export class PingController {
  /** Each address may ask 5 times at once, then once per second. */
  @Get()
  @TokenBucket({ capacity: 5, rate: 1 })
  ping() {
    return { pong: true };
  }
}
