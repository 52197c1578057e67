import { Controller, Post } from '@nestjs/common';
import { byGlobal, type Decision, LeakyBucket, RateLimitDecision } from 'nestjs-floodgate';
import { FragileServiceClient } from './fragile-service.client.js';

@Controller('orders')
export class OrdersController {
  constructor(private readonly fragile: FragileServiceClient) {}

  /** Whatever arrives, at however many instances: 10 orders per second go on, and 200 may wait their turn. */
  @Post()
  @LeakyBucket({ capacity: 200, rate: 10, key: byGlobal() })
  async order(@RateLimitDecision() decision: Decision) {
    return { ...(await this.fragile.store()), waitedMs: decision.delayMs };
  }

  /** The same without the limit. */
  @Post('unprotected')
  orderUnprotected() {
    return this.fragile.store();
  }
}
