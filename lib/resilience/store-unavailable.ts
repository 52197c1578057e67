import { RateLimitError } from '../errors/rate-limit.error.js';

/** The store could not be asked, or has not answered in time. */
export const storeUnavailable = (reason: string, options?: ErrorOptions): RateLimitError =>
  new RateLimitError('STORE_UNAVAILABLE', messageFor(reason), options);

const messageFor = (reason: string): string =>
  `the store of the rate limits cannot be asked now: ${reason}; try again`;

/** The store was not asked at all: nothing has been done, and nothing will be. */
export class NotAskedError extends RateLimitError {
  constructor(reason: string) {
    super('STORE_UNAVAILABLE', messageFor(reason));
  }
}
