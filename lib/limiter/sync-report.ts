import { checkInteger, checkKnownOptions, checkObject } from '../common/checks.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';
import type { Limits } from '../options/limits.js';
import type { Bucket } from './charge.js';
import type { Decision } from './decision.js';
import type { LimiterReport } from './limiter-report.js';
import { TakenDecision } from './taken-decision.js';

/** What the other side says of a bucket: what a reader has made of its response, and which request that answers. */
export interface SyncReport {
  /** What is left there, in tokens of the policy: an integer of at least 0. */
  remaining?: number | undefined;
  /** Nothing may start before so many milliseconds have passed; a year at most. */
  retryAfterMs?: number | undefined;
  /** The decision of the request that was answered. Without it the report may only take tokens away. */
  decision?: Decision | undefined;
  /** The limits of this key, where those of the policy depend on the request. */
  limits?: Limits | undefined;
  /** The most that can be left there. Where that is more than the capacity, the report may only take tokens away. */
  limit?: number | undefined;
  /** Not used: readers tell it. */
  resetAfterMs?: number | undefined;
}

const YEAR_MS = 365 * 86_400_000;

const KNOWN = ['remaining', 'retryAfterMs', 'decision', 'limits', 'limit', 'resetAfterMs'];

/** @throws RateLimitError `INVALID_OPTION`, `UNKNOWN_OPTION` */
export function readSyncReport(report: SyncReport, bucket: Bucket, place: string): LimiterReport {
  checkObject(report, place, '{ remaining: 10, decision }');
  checkKnownOptions(report, KNOWN, place);
  const { remaining, retryAfterMs, decision, limit } = report;
  if (remaining !== undefined) {
    checkInteger(remaining, 0, Number.MAX_SAFE_INTEGER, `${place}: remaining`);
  }
  if (retryAfterMs !== undefined) {
    checkInteger(retryAfterMs, 0, Number.MAX_SAFE_INTEGER, `${place}: retryAfterMs`);
  }
  if (limit !== undefined) checkInteger(limit, 0, Number.MAX_SAFE_INTEGER, `${place}: limit`);
  if (decision !== undefined) checkDecision(decision, bucket, place);
  return {
    remaining,
    // A mistake of the other side must not last for ever: that is for `block` alone.
    retryAfterMs: retryAfterMs && Math.min(retryAfterMs, YEAR_MS),
    mark: decision && TakenDecision.markOf(decision),
    left: decision && TakenDecision.leftOf(decision),
    limit,
  };
}

function checkDecision(decision: Decision, { placed, key }: Bucket, place: string): void {
  if (typeof decision !== 'object' || decision === null) {
    throw new RateLimitError(
      'INVALID_OPTION',
      `${place}: decision is ${show(decision)}; write the decision that the request was made with`,
    );
  }
  if (decision.policy === placed.id && decision.key === key) return;
  throw new RateLimitError(
    'INVALID_OPTION',
    `${place}: the decision is of '${decision.policy}' and ${show(decision.key)}, the report of '${placed.id}' and ${show(key)}; report to the bucket that the request was taken from`,
  );
}
