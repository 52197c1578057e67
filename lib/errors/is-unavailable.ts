import { RateLimitError } from './rate-limit.error.js';

/** Whether a call has failed because the store could not be asked: that is told once, by whoever has noticed. */
export const isUnavailable = (error: unknown): boolean =>
  error instanceof RateLimitError && error.code === 'STORE_UNAVAILABLE';
