import type { Algorithm } from './limit.js';
import { readLevel } from './reading.js';

/**
 * Polices: a burst up to `capacity` passes at once, the rest is refused until tokens are back.
 * The level is tokens missing.
 */
export const tokenBucketAlgorithm: Algorithm = {
  take: ({ capacity, scale }, key, cost) => ({
    key,
    scale,
    add: cost > capacity ? 0 : cost * scale.ticksPerToken,
    allowance: cost > capacity ? -1 : (capacity - cost) * scale.ticksPerToken,
    shapes: false,
  }),
  read: (limit, take, level, verdict) => ({ ...readLevel(limit, take, level, verdict), delayMs: 0 }),
};
