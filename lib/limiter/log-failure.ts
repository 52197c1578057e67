import { Logger } from '@nestjs/common';

/** What is told to nobody else. */
export function logFailure(error: unknown): void {
  new Logger('RateLimiterService').error(error instanceof Error ? (error.stack ?? error.message) : error);
}
