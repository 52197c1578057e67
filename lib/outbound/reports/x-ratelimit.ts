import { isTold } from './numbers.js';
import type { ProviderReport, ProviderResponse } from './provider-report.js';
import { withWait } from './retry-after.js';
import { readTriple } from './triple.js';

/**
 * Reads `X-RateLimit-Limit`, `-Remaining` and `-Reset`, or the same with `X-Rate-Limit-`, and `Retry-After`. No standard
 * defines them; the unit of the reset is told by its size: below 10^9 it is seconds from now, below 10^11 seconds since
 * 1970 (from 2001 on), else milliseconds since 1970. `X-RateLimit-Reset-After` (seconds, as Discord has it) goes before.
 *
 * Without `Retry-After` the wait is the reset, where nothing remains, or where a 429 does not say what remains.
 */
export function readXRateLimit(response: ProviderResponse, now = Date.now()): ProviderReport | undefined {
  const triple = readTriple(response, 'x-ratelimit-', now);
  const found = Object.values(triple).some(isTold);
  return withWait(found ? triple : readTriple(response, 'x-rate-limit-', now), response, now);
}
