import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { RateLimiterService } from 'nestjs-floodgate';
import { ALL, oncePerMinute, provider } from './limits.js';
import { MailProvider } from './mail-provider.js';

const MINUTE_MS = 60_000;

/** A job that every instance starts by the clock, and one of them does. With @nestjs/schedule, `run` has a `@Cron`. */
@Injectable()
export class ReportJob implements OnApplicationBootstrap, OnModuleDestroy {
  private timer?: NodeJS.Timeout;

  constructor(
    private readonly limiter: RateLimiterService,
    private readonly mails: MailProvider,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.run().catch(console.error), MINUTE_MS);
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  /** Whether it was this instance's turn. */
  async run(): Promise<boolean> {
    const { allowed } = await this.limiter.consume(oncePerMinute, ALL);
    // It waits for its turn at the provider, like everything else.
    if (allowed) await this.limiter.run(provider, ALL, () => this.mails.send('owner@example.com'));
    return allowed;
  }
}
