import { Controller, Post } from '@nestjs/common';
import { byGlobal, type Decision, LeakyBucket, RateLimitDecision } from 'nestjs-floodgate';

@Controller()
export class DraftsController {
  /** Whatever arrives, the database behind it sees 10 writes per second: 100 requests may wait their turn. */
  @Post('save')
  @LeakyBucket({ capacity: 100, rate: 10, key: byGlobal() })
  save(@RateLimitDecision() decision: Decision) {
    return { saved: true, waitedMs: decision.delayMs };
  }
}
