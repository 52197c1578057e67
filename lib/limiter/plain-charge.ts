import { algorithms } from '../algorithms/index.js';
import type { Terms } from '../algorithms/kernel.js';
import type { Transaction } from '../stores/store.interface.js';
import { bucketKey } from './bucket-key.js';
import { type Charge, limitOf } from './charge.js';

/**
 * Nearly every charge is plain: enforced, and admitted at once or refused. What plain charges come to, one by itself or several of
 * different buckets, needs no sums and no merging, so it goes a short way of its own. `judge` says the same, which a test holds it to.
 */
export function isPlain(charge: Charge, { peek, pick }: Terms): boolean {
  return (
    charge.placed.shadow === undefined &&
    charge.patience === undefined &&
    charge.reserve === undefined &&
    !peek &&
    pick === undefined &&
    !charge.placed.policy.shape.shapes
  );
}

/** More are not compared with each other: that would take the square of it. */
const FEW = 16;

/** Whether charges are all plain, and each of a bucket of its own. */
export function arePlain(charges: readonly Charge[], terms: Terms): boolean {
  if (charges.length > FEW) return false;
  for (let i = 0; i < charges.length; i++) {
    const charge = charges[i] as Charge;
    if (!isPlain(charge, terms)) return false;
    for (let j = 0; j < i; j++) if (isSameBucket(charges[j] as Charge, charge)) return false;
  }
  return true;
}

const isSameBucket = (a: Charge, b: Charge): boolean => a.key === b.key && a.placed.id === b.placed.id;

export function plainTransaction(charge: Charge, counted: boolean): Transaction {
  const { placed, key, cost } = charge;
  const limit = limitOf(charge);
  const take = algorithms[limit.algorithm](limit, bucketKey(placed.id, key), cost);
  const answer = placed.policy.onStoreError;
  const onStoreError = answer === undefined ? undefined : [answer];
  return { peek: undefined, pick: undefined, counted, takes: [take], revocable: false, onStoreError };
}
