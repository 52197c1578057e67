import type { Limit } from '../algorithms/limit.js';
import { FOREVER, type Mark } from '../algorithms/record.js';
import type { Report } from '../algorithms/report.js';
import { MAX_TICKS } from '../algorithms/ticks.js';

/** What the other side of a bucket has said: see `RateLimiterService.sync`. */
export interface LimiterReport {
  readonly remaining?: number | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly mark?: Mark | undefined;
  /** The most that can be left there. */
  readonly limit?: number | undefined;
  /** Blocks until it is taken back. */
  readonly forever?: boolean;
}

/** The same in ticks. */
export function reportOf({ capacity, scale, shapes }: Limit, report: LimiterReport): Report {
  const { remaining, retryAfterMs = 0, mark, limit = 0, forever } = report;
  return {
    scale,
    missing: remaining === undefined ? undefined : capacity - remaining,
    mark,
    // Places in a line were promised, and do not move. Where more is allowed there than here, what is left there says nothing
    // of how much was taken here: it would fill the bucket with every report.
    lowers: !shapes && limit <= capacity,
    block: forever ? FOREVER : Math.min(retryAfterMs * 1000, MAX_TICKS),
  };
}
