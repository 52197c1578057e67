import type { Take } from '../algorithms/kernel.js';
import { MAX_TICKS } from '../algorithms/ticks.js';
import type { OnStoreError } from '../stores/store.interface.js';

/** How a take is decided in this process, where the store cannot be asked. */
export interface LocalTake {
  /** As its decision is read. */
  readonly take: Take;
  /** As the bucket of this process is asked. */
  readonly asked: Take;
  readonly source: OnStoreError;
}

/** `instances` is by how many the limits are divided. */
export function localTake(take: Take, source: OnStoreError, instances: number): LocalTake {
  if (source === 'memory') {
    const share = instances === 1 ? take : shareOf(take, instances);
    return { take: share, asked: share, source };
  }
  const now = { ...take, startLevel: undefined, promises: false, reserve: undefined };
  // What is let pass takes nothing, and fits whatever is there.
  if (source === 'allow') {
    const free = { ...now, cost: 0, allowance: MAX_TICKS };
    return { take: free, asked: free, source };
  }
  return { take: now, asked: { ...now, allowance: -1 }, source };
}

/**
 * The same take of one nth of the limit, rounded down to whole tokens, but at least one: n times the ticks for a token make
 * the rate exactly one nth, and what a full bucket holds does not grow by it. A wait is ticks over ticks per microsecond,
 * and stays as long as it was.
 */
function shareOf(take: Take, instances: number): Take {
  const { scale, cost, allowance, startLevel } = take;
  const capacity = Math.max(1, Math.floor(take.capacity / instances));
  const ticksPerToken = sharedTicks(scale.ticksPerToken, instances, capacity);
  const share = { ...take, capacity, scale: { ...scale, ticksPerToken } };
  const free = (capacity - cost) * ticksPerToken;
  if (allowance < 0 || free < 0) return { ...share, allowance: -1, startLevel: undefined, promises: false };
  if (startLevel === undefined) return { ...share, allowance: free };
  // A token bucket that is waited for starts where the excess has drained; a line, where the work ahead has.
  const all = (take.capacity - cost) * scale.ticksPerToken;
  if (startLevel === all) {
    return { ...share, startLevel: free, allowance: Math.min(free + allowance - startLevel, MAX_TICKS) };
  }
  return { ...share, allowance: allowance < all ? Math.min(allowance, free) : free };
}

/** At a capacity below the number of instances the product could pass 2^53: then the share is as slow as can be counted. */
const sharedTicks = (ticksPerToken: number, instances: number, capacity: number): number =>
  Math.min(ticksPerToken * instances, Math.floor(MAX_TICKS / (2 * capacity)));
