import { greatest } from './numbers.js';
import { makeReport, type ProviderReport, type ProviderResponse } from './provider-report.js';
import { retryAfter } from './retry-after.js';
import { readTriple } from './triple.js';

const MINUTE_MS = 60_000;

/**
 * Reads GitHub's limits ("Rate limits for the REST API" in its documentation; the GraphQL API has the same fields). The
 * primary limit: `x-ratelimit-limit`, `-remaining`, `-reset` (seconds since 1970); with nothing remaining the wait lasts
 * until the reset. The secondary limits: a 403 or 429 with `retry-after`; where both are told, the longer wait counts.
 * A 429, or a 403 whose body speaks of a rate limit, that tells neither means a minute, as the documentation asks.
 */
export function readGitHub(response: ProviderResponse, now = Date.now()): ProviderReport | undefined {
  const quota = readTriple(response, 'x-ratelimit-', now);
  const primary = quota.remaining === 0 ? quota.resetAfterMs : undefined;
  const told = greatest([primary, retryAfter(response, now)]);
  return makeReport({ ...quota, retryAfterMs: told ?? (isRefusal(response) ? MINUTE_MS : undefined) });
}

/** A 403 alone may be a missing permission, which no waiting mends. */
function isRefusal({ status, body }: ProviderResponse): boolean {
  if (status !== 403) return status === 429;
  const { message } = (body ?? {}) as { message?: unknown };
  return typeof message === 'string' && /rate limit|abuse detection/i.test(message);
}
