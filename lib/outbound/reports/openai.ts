import { headerMembers, headerText } from './header-source.js';
import { greatest, least, readCount, readNumber, readSeconds, scaled, wholeMs } from './numbers.js';
import {
  makeReport,
  type ProviderReport,
  type ProviderResponse,
  type ReportParts,
} from './provider-report.js';
import { retryAfter } from './retry-after.js';

export interface OpenAiReportOptions {
  /** Which of the two limits to report. Default: `'requests'`. */
  readonly dimension?: 'requests' | 'tokens';
}

/** A unit of a duration: so many times a second, with the decimal point moved. */
const UNITS: Readonly<Record<string, readonly [factor: number, power: number]>> = {
  d: [86_400, 3],
  h: [3600, 3],
  m: [60, 3],
  s: [1, 3],
  ms: [1, 0],
  us: [1, -3],
  µs: [1, -3],
  ns: [1, -6],
};
const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|us|µs|ns|[dhms]))+$/;

/**
 * Reads the limits of OpenAI and of the providers that write theirs in the same way ("Rate limits in headers" in its
 * documentation): `x-ratelimit-limit-requests`, `-remaining-requests`, `-reset-requests`, or the same for tokens. A reset
 * is a duration, `1s`, `6m0s`, `20ms`, `1h2m3.5s`, or plain seconds: the time until the limit is full again. So with
 * nothing remaining it is no wait by itself.
 *
 * The wait is `retry-after-ms` or `Retry-After`, whichever dimension it is for. A 429 without them waits for the reset of
 * what has nothing remaining, of either dimension.
 */
export function readOpenAi(
  response: ProviderResponse,
  now = Date.now(),
  { dimension = 'requests' }: OpenAiReportOptions = {},
): ProviderReport | undefined {
  const quotas = { requests: readQuota(response, 'requests'), tokens: readQuota(response, 'tokens') };
  const resets = Object.values(quotas).map((quota) =>
    quota.remaining === 0 ? quota.resetAfterMs : undefined,
  );
  const retryAfterMs =
    preciseRetryAfter(response) ??
    retryAfter(response, now) ??
    (response.status === 429 ? greatest(resets) : undefined);
  return makeReport({ ...quotas[dimension], retryAfterMs });
}

function readQuota({ headers }: ProviderResponse, dimension: string): ReportParts {
  const members = (name: string) => headerMembers(headers, `x-ratelimit-${name}-${dimension}`);
  return {
    limit: readCount(members('limit')[0]),
    remaining: least(members('remaining').map(readCount)),
    resetAfterMs: greatest(members('reset').map(readDuration)),
  };
}

function preciseRetryAfter({ status, headers }: ProviderResponse): number | undefined {
  if (status !== undefined && status < 400) return undefined;
  return wholeMs(readNumber(headerText(headers, 'retry-after-ms')));
}

/** Milliseconds of a duration as Go writes it, or of plain seconds. */
function readDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return readSeconds(text);
  let total = 0;
  for (const [, decimal, unit] of text.matchAll(/([\d.]+)(\D+)/g)) {
    const [factor, power] = UNITS[unit!]!;
    total += factor * scaled(decimal!, power);
  }
  return wholeMs(total);
}
