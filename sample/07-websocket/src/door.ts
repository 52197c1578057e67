import { Injectable, Logger } from '@nestjs/common';
import { addressKey, RateLimiterService } from 'nestjs-floodgate';
import { connections } from './limits.js';

/** Says who may connect. No guard runs before `handleConnection`, so the service is asked. */
@Injectable()
export class Door {
  private readonly logger = new Logger(Door.name);

  constructor(private readonly limiter: RateLimiterService) {}

  /** Why an address may not connect now; undefined: it may. Never rejects, for nobody waits for `handleConnection`. */
  async refusal(address: string | undefined): Promise<string | undefined> {
    try {
      const { allowed, retryAfterMs } = await this.limiter.consume(connections, addressKey(address));
      return allowed ? undefined : `too many connections; retry after ${retryAfterMs} ms`;
    } catch (error) {
      this.logger.error(error);
      return 'not available';
    }
  }
}
