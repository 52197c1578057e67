import { parsePolicy } from './parse-policy.js';
import { Policy } from './policy.js';
import type { LeakyBucketOptions, TokenBucketOptions } from './policy-options.js';

/**
 * A token bucket as a value: bursts up to `capacity` pass, then requests pass at `rate`; the rest is refused.
 * @throws RateLimitError for invalid options
 */
export function tokenBucket(options: TokenBucketOptions): Policy {
  return parsePolicy('token-bucket', options, placeOf('tokenBucket', options));
}

/**
 * A leaky bucket as a value: up to `capacity` requests are held, and leave at `rate`; the rest is refused.
 * @throws RateLimitError for invalid options
 */
export function leakyBucket(options: LeakyBucketOptions): Policy {
  return parsePolicy('leaky-bucket', options, placeOf('leakyBucket', options));
}

const placeOf = (maker: string, options: { name?: unknown } | undefined): string =>
  typeof options?.name === 'string' ? `${maker} '${options.name}'` : maker;

/**
 * The same policy under another name: another bucket for each key. What selects among buckets is no limit that could be
 * left unenforced, so shadow mode does not reach it.
 */
export function renamed(policy: Policy, name: string): Policy {
  return new Policy({ ...policy, name, shadow: false });
}
