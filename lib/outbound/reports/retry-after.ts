import { headerLines } from './header-source.js';
import { readHttpDate, responseTime } from './http-date.js';
import { greatest, readSeconds, wholeMs } from './numbers.js';
import {
  makeReport,
  type ProviderReport,
  type ProviderResponse,
  type ReportParts,
} from './provider-report.js';

/**
 * Reads `Retry-After` (RFC 9110, 10.2.3): seconds, also with a fraction, or a date in any of HTTP's three forms. A date
 * is measured from the response's `Date`; one that is past is 0. A negative number is no `Retry-After`, and is not taken
 * for 0: who is refused and misreads for how long must not be told to come back at once. Of several values the longest
 * counts.
 *
 * With a status below 400 the field speaks of something else (when to ask for a result, when to follow a redirect), and
 * nothing is reported.
 */
export function readRetryAfter(response: ProviderResponse, now = Date.now()): ProviderReport | undefined {
  return makeReport({ retryAfterMs: retryAfter(response, now) });
}

/** Milliseconds that `Retry-After` asks for, or undefined. */
export function retryAfter({ status, headers }: ProviderResponse, now: number): number | undefined {
  if (status !== undefined && status < 400) return undefined;
  const from = responseTime(headers, now);
  return greatest(
    headerLines(headers, 'retry-after').flatMap((line) => {
      const date = readHttpDate(line, from);
      if (date !== undefined) return wholeMs(Math.max(0, date - from));
      return line.split(',').map((part) => readSeconds(part.trim()));
    }),
  );
}

/**
 * A report of a quota with the time to wait: `Retry-After`, which takes precedence (as the drafts of the RateLimit fields
 * demand); else the reset, where nothing is left, or where a refusal does not say what is left.
 */
export function withWait(
  quota: ReportParts,
  response: ProviderResponse,
  now: number,
): ProviderReport | undefined {
  const { remaining, resetAfterMs } = quota;
  const spent = remaining === 0 || (remaining === undefined && response.status === 429);
  return makeReport({
    ...quota,
    retryAfterMs: retryAfter(response, now) ?? (spent ? resetAfterMs : undefined),
  });
}
