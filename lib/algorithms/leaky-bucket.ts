import type { Algorithm, Limit, Patience } from './limit.js';
import { tokenBucketAlgorithm } from './token-bucket.js';

/**
 * Shapes: what is admitted starts when the work before it has drained, so starts are one interval apart.
 * The level is work waiting. As a meter (`shapes: false`) it only refuses what does not fit.
 */
export const leakyBucketAlgorithm: Algorithm = (limit, key, cost, patience) => {
  if (!limit.shapes) return tokenBucketAlgorithm(limit, key, cost, patience);
  const take = tokenBucketAlgorithm(limit, key, cost);
  const allowance = waitingAllowance(limit, take.allowance, patience);
  return { ...take, startLevel: 0, promises: true, allowance };
};

/** A wait of at most w is a level of at most `rate × w`. */
function waitingAllowance({ maxWaitMicros, scale }: Limit, allowance: number, patience?: Patience): number {
  const bound = Math.min(maxWaitMicros ?? Infinity, patience?.maxWaitMicros ?? Infinity);
  return bound > Math.floor(allowance / scale.ticksPerMicro) ? allowance : bound * scale.ticksPerMicro;
}
