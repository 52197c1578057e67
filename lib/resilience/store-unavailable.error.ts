import { RateLimitError } from '../errors/rate-limit.error.js';

/** The store could not be asked, or has not answered in time. */
export class StoreUnavailableError extends RateLimitError {
  constructor(reason: string, options?: ErrorOptions) {
    super('STORE_UNAVAILABLE', `the store of the rate limits cannot be asked now: ${reason}`, options);
  }
}
