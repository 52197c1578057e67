import type { Limit } from '../algorithms/limit.js';
import { FOREVER, type Mark } from '../algorithms/record.js';
import type { Left, Report } from '../algorithms/report.js';
import { MAX_TICKS, type Scale } from '../algorithms/ticks.js';
import type { LeftBy } from './taken-decision.js';

/** What the other side of a bucket has said: see `RateLimiterService.sync`. */
export interface LimiterReport {
  readonly remaining?: number | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly mark?: Mark | undefined;
  readonly left?: LeftBy | undefined;
  /** The most that can be left there. */
  readonly limit?: number | undefined;
  /** Blocks until it is taken back. */
  readonly forever?: boolean;
}

/** The same in ticks. */
export function reportOf({ capacity, scale, shapes }: Limit, report: LimiterReport): Report {
  const { remaining, retryAfterMs = 0, mark, left, limit = 0, forever } = report;
  return {
    scale,
    missing: remaining === undefined ? undefined : capacity - remaining,
    mark,
    left: left && leftUnder(scale, left),
    // Places in a line were promised, and do not move. Where more is allowed there than here, what is left there says nothing
    // of how much was taken here: it would fill the bucket with every report.
    lowers: !shapes && limit <= capacity,
    block: forever ? FOREVER : Math.min(retryAfterMs * 1000, MAX_TICKS),
  };
}

/** How a bucket was left, where that is told in ticks of the same size. */
function leftUnder(
  { ticksPerToken, ticksPerMicro }: Scale,
  { limit, level, slot }: LeftBy,
): Left | undefined {
  const { scale } = limit;
  const isSame = scale.ticksPerToken === ticksPerToken && scale.ticksPerMicro === ticksPerMicro;
  return isSame ? { level: Number(level), at: slot } : undefined;
}
