import type { Algorithm, Limit, Patience } from './limit.js';
import { MAX_TICKS } from './ticks.js';

/**
 * Polices: a burst up to `capacity` passes at once, the rest is refused until tokens are back. The level is tokens
 * missing. Who waits takes its tokens ahead, past the capacity, and starts when the excess has drained: first come,
 * first served, and whoever does not wait is refused meanwhile.
 */
export const tokenBucketAlgorithm: Algorithm = (limit, key, cost, patience) => {
  const { capacity, scale, lease } = limit;
  const free = cost > capacity ? -1 : (capacity - cost) * scale.ticksPerToken;
  const promises = patience !== undefined && free >= 0;
  const allowance = promises ? free + excess(limit, patience) : free;
  const startLevel = promises ? free : undefined;
  return { key, scale, capacity, cost, allowance, startLevel, promises, lease };
};

/** How far past the capacity a wait may go: at most the time to fill the whole bucket, if nothing else is said. */
function excess({ capacity, scale }: Limit, { maxWaitMicros }: Patience): number {
  const full = capacity * scale.ticksPerToken;
  const room = MAX_TICKS - full;
  if (maxWaitMicros === undefined) return Math.min(full, room);
  return maxWaitMicros > Math.floor(room / scale.ticksPerMicro) ? room : maxWaitMicros * scale.ticksPerMicro;
}
