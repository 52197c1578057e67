import { bucketKey } from './bucket-key.js';
import type { PlacedPolicy } from './placed-policy.js';

/** What is asked of a bucket. */
interface Asked {
  readonly placed: PlacedPolicy;
  readonly key: string;
}

export const isShadow = (asked: Asked | undefined): boolean => asked?.placed.shadow !== undefined;

/** What is decided together: first all that is enforced, if there is any, then each bucket in shadow mode by itself. */
export function partsOf<T extends Asked>(asked: readonly T[]): (readonly T[])[] {
  if (!asked.some(isShadow)) return [asked];
  const enforced = asked.filter((one) => !isShadow(one));
  const alone = new Map<string, T[]>();
  for (const one of asked.filter(isShadow)) {
    const bucket = bucketKey(one.placed.id, one.key);
    alone.set(bucket, [...(alone.get(bucket) ?? []), one]);
  }
  return [...(enforced.length > 0 ? [enforced] : []), ...alone.values()];
}

/** The same as if it were enforced. */
export function unshadowed<T extends Asked>(asked: T): T {
  const { id, policy } = asked.placed;
  return isShadow(asked) ? { ...asked, placed: { id, policy } } : asked;
}
