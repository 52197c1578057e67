import type { Take } from '../../algorithms/kernel.js';
import type { BucketRecord } from '../../algorithms/record.js';
import type { BucketKind } from './bucket-kind.js';

/** In how many steps the share of a bucket that is used is told apart, while it still admits. */
const STEPS = 8;
/** From here on a bucket refuses. */
export const REFUSING = STEPS;
const BLOCKED = STEPS + 1;

export const RANKS = BLOCKED + 1;

/** How many tokens a bucket holds for a take: less than its capacity where the take would not wait so long. */
export function roomFor({ capacity, cost, allowance, scale }: Omit<Take, 'key'>): number {
  return Math.min(capacity, Math.floor(allowance / scale.ticksPerToken) + cost);
}

/**
 * How much would be lost with a bucket, from nothing to speak of to a block. Until it is written again it only falls: time
 * drains what is missing, and ends blocks.
 */
export function rankOf(
  { ticksPerToken, ticksPerMicro, room, refusesAbove }: BucketKind,
  { level, at, blocked = 0 }: Pick<BucketRecord, 'level' | 'at' | 'blocked'>,
  now: number,
): number {
  if (blocked > now) return BLOCKED;
  const missing = now > at ? level - ticksPerMicro * (now - at) : level;
  if (missing > refusesAbove) return REFUSING;
  return missing <= 0 ? 0 : Math.floor((STEPS * missing) / (room * ticksPerToken));
}
