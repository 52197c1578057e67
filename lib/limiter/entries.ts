import { algorithms } from '../algorithms/index.js';
import type { Take, Terms } from '../algorithms/kernel.js';
import type { Transaction } from '../stores/store.interface.js';
import { bucketKey } from './bucket-key.js';
import { type Bucket, type Charge, limitOf } from './charge.js';

/** A charge as the store is asked for it. */
export interface Entry {
  readonly charge: Charge;
  readonly take: Take;
}

/** What the store is asked for charges: the same bucket twice in one transaction is one entry with the sum of the costs. */
export interface Asked {
  readonly entries: readonly Entry[];
  /** Of each charge, which entry is its bucket's. */
  readonly places: readonly number[];
}

/** More are looked up by name: comparing each with each would take its square. */
const FEW = 16;

export function mergeSameBucket(charges: readonly Charge[]): Asked {
  const merged: Charge[] = [];
  const find = charges.length > FEW ? finderByName() : (charge: Charge) => placeIn(merged, charge);
  const places = charges.map((charge) => {
    const place = find(charge);
    const before = merged[place];
    merged[place] = before === undefined ? charge : { ...charge, cost: before.cost + charge.cost };
    return place;
  });
  return { entries: merged.map(entryOf), places };
}

function entryOf(charge: Charge): Entry {
  const limit = limitOf(charge);
  const name = bucketKey(charge.placed.id, charge.key);
  const take = algorithms[limit.algorithm](limit, name, charge.cost, charge.patience);
  return { charge, take: charge.reserve === undefined ? take : { ...take, reserve: charge.reserve } };
}

/** Where a bucket stands among others, or the place after them. */
function placeIn(buckets: readonly Bucket[], { placed, key }: Bucket): number {
  for (let i = 0; i < buckets.length; i++) {
    const other = buckets[i] as Bucket;
    if (other.key === key && other.placed.id === placed.id) return i;
  }
  return buckets.length;
}

function finderByName(): (bucket: Bucket) => number {
  const known = new Map<string, number>();
  return ({ placed, key }) => {
    const name = bucketKey(placed.id, key);
    const place = known.get(name) ?? known.size;
    known.set(name, place);
    return place;
  };
}

export function transactionOf(
  { entries }: Asked,
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
