import type { LeakyBucketOptions } from '../options/policy-options.js';
import { declareLimit, type LimitDecorator } from './declare-limit.js';

/**
 * Shapes a route, or all routes of a controller together: each request waits its turn, so that handlers start at `rate`
 * at most; what finds `capacity` requests waiting is answered with 429. Checked at boot.
 */
export function LeakyBucket(options: LeakyBucketOptions): LimitDecorator {
  return declareLimit({ decorator: '@LeakyBucket', algorithm: 'leaky-bucket', options });
}
