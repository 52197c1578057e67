import type { Algorithm, Limit } from './limit.js';
import { microsToMs, readLevel } from './reading.js';
import { tokenBucketAlgorithm } from './token-bucket.js';

/**
 * Shapes: what is admitted starts when the work before it has drained, so starts are one interval apart.
 * The level is work waiting. As a meter (`shapes: false`) it only refuses what does not fit.
 */
export const leakyBucketAlgorithm: Algorithm = {
  take: (limit, key, cost) => {
    const take = tokenBucketAlgorithm.take(limit, key, cost);
    return limit.shapes
      ? { ...take, shapes: true, allowance: waitingAllowance(limit, take.allowance) }
      : take;
  },
  read: (limit, take, level, verdict) => ({
    ...readLevel(limit, take, level, verdict),
    delayMs: take.shapes && verdict.admitted ? microsToMs(verdict.wait) : 0,
  }),
};

/** A wait of at most w is a level of at most `rate × w`. */
function waitingAllowance({ maxWaitMicros, scale }: Limit, allowance: number): number {
  if (maxWaitMicros === undefined || maxWaitMicros > Math.floor(allowance / scale.ticksPerMicro))
    return allowance;
  return maxWaitMicros * scale.ticksPerMicro;
}
