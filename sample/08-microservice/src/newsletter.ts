import { Injectable, Logger } from '@nestjs/common';
import { RateLimitExceededError, RateLimiterService } from 'nestjs-floodgate';
import { ALL, provider } from './limits.js';
import { MailProvider } from './mail-provider.js';

/** Work in the background, as the consumer of a queue has it: it stands in the line of those who wait for an answer. */
@Injectable()
export class Newsletter {
  private readonly logger = new Logger(Newsletter.name);

  constructor(
    private readonly limiter: RateLimiterService,
    private readonly mails: MailProvider,
  ) {}

  /** Takes a place for each mail, and returns; where there is none any more, the rest is dropped. */
  async send(addresses: readonly string[]): Promise<number> {
    let planned = 0;
    try {
      for (const to of addresses) {
        await this.limiter.schedule(provider, ALL, () => this.mails.send(to));
        planned++;
      }
    } catch (error) {
      if (!(error instanceof RateLimitExceededError)) throw error;
      this.logger.warn(`${addresses.length - planned} mails are dropped: the line is full`);
    }
    return planned;
  }
}
