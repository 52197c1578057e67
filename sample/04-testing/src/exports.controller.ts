import { Controller, Post } from '@nestjs/common';
import { byGlobal, type Decision, LeakyBucket, RateLimitDecision } from 'nestjs-floodgate';

@Controller('exports')
export class ExportsController {
  /** One export starts every 2 seconds, whoever asks for it; 10 may wait their turn. */
  @Post()
  @LeakyBucket({ name: 'exports', capacity: 10, rate: '1/2s', key: byGlobal() })
  start(@RateLimitDecision('exports') { delayMs }: Decision) {
    return { exported: true, waitedMs: delayMs };
  }
}
