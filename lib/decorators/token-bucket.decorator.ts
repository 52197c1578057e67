import type { TokenBucketOptions } from '../options/policy-options.js';
import { declareLimit, type LimitDecorator } from './declare-limit.js';

/**
 * Limits a route, or all routes of a controller together: bursts up to `capacity` pass, then requests pass at `rate`,
 * and the rest is answered with 429. Checked at boot.
 */
export function TokenBucket(options: TokenBucketOptions): LimitDecorator {
  return declareLimit({ decorator: '@TokenBucket', algorithm: 'token-bucket', options });
}
