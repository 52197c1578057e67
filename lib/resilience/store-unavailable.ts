import { RateLimitError } from '../errors/rate-limit.error.js';

/** The store could not be asked, or has not answered in time. */
export const storeUnavailable = (reason: string, options?: ErrorOptions): RateLimitError =>
  new RateLimitError(
    'STORE_UNAVAILABLE',
    `the store of the rate limits cannot be asked now: ${reason}; try again`,
    options,
  );
