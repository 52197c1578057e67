/** How many keys the rows are about, unless they say otherwise. */
export const KEYS = 1000;

/**
 * A limit that no run reaches: every call is admitted, for an admission costs more than a refusal. Buckets of this size
 * drain one token per second, so that they have a level as long as they are used.
 */
export const LARGE = 1_000_000_000;

/** @returns {(index: number) => string} keys in a circle: as many in flight, as many different keys */
export function keysInCircle(count = KEYS, name = 'key') {
  const keys = Array.from({ length: count }, (_, i) => `${name}-${i}`);
  return (index) => keys[index % count];
}

/** Steps far apart: neighbours in time are no neighbours in memory. It is a prime, so every key has its turn. */
const STRIDE = 7919;

/**
 * As many keys in the order of their making, and, by index, in that order again and again, or in another that no cache
 * knows ahead.
 */
export function manyKeys(count, isScattered = false) {
  const made = Array.from({ length: count }, (_, i) => `key-${i}`);
  const order = isScattered ? made.map((_, i) => made[(i * STRIDE) % count]) : made;
  return { made, key: (index) => order[index % count] };
}
