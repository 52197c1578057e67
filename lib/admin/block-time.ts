import { checkKnownOptions, checkObject } from '../common/checks.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';
import type { LimiterReport } from '../limiter/limiter-report.js';
import { checkWait } from '../options/parse-policy.js';

/** How long a key is blocked. */
export type BlockTime =
  | {
      /** A time, also in milliseconds since 1970, or until `unblock`. */
      readonly until: Date | number | 'unblocked';
      readonly forMs?: never;
    }
  | {
      /** Whole milliseconds. */
      readonly forMs: number;
      readonly until?: never;
    };

/** @throws RateLimitError `INVALID_OPTION`, `UNKNOWN_OPTION` */
export function readBlockTime(time: BlockTime, place: string): LimiterReport {
  checkObject(time, place, EXAMPLE);
  checkKnownOptions(time, ['until', 'forMs'], place);
  const { until, forMs } = time;
  if ((until === undefined) === (forMs === undefined)) {
    throw new RateLimitError(
      'INVALID_OPTION',
      `${place}: one of until and forMs is needed; write ${EXAMPLE}`,
    );
  }
  if (until === 'unblocked') return { forever: true };
  const retryAfterMs = forMs ?? Number(until) - Date.now();
  if (until !== undefined) checkAhead(until, retryAfterMs, place);
  checkWait(retryAfterMs, `${place}: forMs`);
  return { retryAfterMs };
}

const EXAMPLE = "{ forMs: 60_000 } or { until: new Date('2027-01-01') }, or { until: 'unblocked' }";

function checkAhead(until: unknown, ms: number, place: string): void {
  const isTime = typeof until === 'number' || until instanceof Date;
  if (isTime && Number.isInteger(ms) && ms > 0) return;
  const shown = until instanceof Date && !Number.isNaN(ms) ? until.toISOString() : show(until);
  throw new RateLimitError(
    'INVALID_OPTION',
    `${place}: until is ${shown}; write a time that lies ahead, as a Date or in whole milliseconds since 1970`,
  );
}
