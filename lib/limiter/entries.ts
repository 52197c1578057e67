import { algorithms } from '../algorithms/index.js';
import type { Take, Terms } from '../algorithms/kernel.js';
import type { Transaction } from '../stores/store.interface.js';
import { bucketKey } from './bucket-key.js';
import { type Charge, limitOf } from './charge.js';

/** A charge as the store is asked for it. */
export interface Entry {
  readonly charge: Charge;
  readonly take: Take;
}

/** The same bucket twice in one transaction is one entry with the sum of the costs. */
export function mergeSameBucket(charges: readonly Charge[]): Entry[] {
  const merged = new Map<string, Charge>();
  for (const charge of charges) {
    const bucket = bucketKey(charge.placed.id, charge.key);
    const before = merged.get(bucket);
    merged.set(bucket, before ? { ...charge, cost: before.cost + charge.cost } : charge);
  }
  return [...merged].map(([bucket, charge]) => {
    const limit = limitOf(charge);
    const take = algorithms[limit.algorithm](limit, bucket, charge.cost, charge.patience);
    return { charge, take: charge.reserve === undefined ? take : { ...take, reserve: charge.reserve } };
  });
}

export function transactionOf(
  entries: readonly Entry[],
  { peek, pick, counted }: Terms,
  inShadow: boolean,
): Transaction {
  const takes = entries.map(({ take }) => take);
  // Only what waits can still be given up; asking for the records costs a little.
  const revocable = !inShadow && takes.some(({ startLevel }) => startLevel !== undefined);
  const answers = entries.map(({ charge }) => charge.placed.policy.onStoreError);
  const onStoreError = answers.some((answer) => answer !== undefined) ? answers : undefined;
  return { peek, pick, counted, takes, revocable, onStoreError };
}
