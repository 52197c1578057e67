import type { RateLimitErrorCode } from './codes.js';

/**
 * A mistake in the configuration or the use of this package. A refused request is no error of this kind.
 * `code` is stable; the message names the place, shows the value and says what to write instead.
 */
export class RateLimitError extends Error {
  override readonly name = 'RateLimitError';

  constructor(
    readonly code: RateLimitErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(`${message} [${code}]`, options);
  }
}
