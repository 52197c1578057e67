import { algorithms } from '../../lib/algorithms/index.js';
import { tokenBucket } from '../../lib/options/make-policy.js';
import type { Store } from '../../lib/stores/store.interface.js';

const { limit } = tokenBucket({ capacity: 10, rate: '1/h' });
const slow = tokenBucket({ capacity: 1_000_000, rate: '1000/h' }).limit!;
const BUCKET = 'every:{operation}';

/** One call of every method of a store, such that each of its scripts writes where it can. What fails is answered, not thrown. */
export async function everyOperation(store: Store): Promise<unknown[]> {
  const errors: unknown[] = [];
  const attempt = async <T>(call: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await call();
    } catch (error) {
      errors.push(error);
      return undefined;
    }
  };
  const take = algorithms['token-bucket'](limit!, BUCKET, 2);
  const reserve = { id: 'reservation', ttlMicros: 60_000_000 };
  const settled = { id: reserve.id, cost: 1, maxDebt: undefined, lowers: true };
  const report = { missing: 3, mark: undefined, lowers: true, block: 1_000_000, scale: limit!.scale };

  const replies = await attempt(() => store.decide([{ takes: [take], revocable: true, counted: true }]));
  await attempt(() => store.undo(replies?.[0]?.changes ?? []));
  await attempt(() => store.decide([{ takes: [{ ...take, reserve }] }]));
  await attempt(() => store.decide([{ takes: [take, { ...take, key: 'another:{operation}' }] }]));
  // The first is full hours later, so of the others one at least leaves the expiry of the key as it is.
  for (const cost of [100_000, 1, 1]) {
    await attempt(() =>
      store.decide([{ takes: [algorithms['token-bucket'](slow, 'slow:{operation}', cost)] }]),
    );
  }
  await attempt(() => store.settle(BUCKET, settled));
  await attempt(() => store.refund(BUCKET, 1));
  await attempt(() => store.report(BUCKET, report));
  await attempt(() => store.unblock(BUCKET));
  const { scale, capacity } = limit!;
  const request = { id: 'lease', total: 0, wanted: 1, ttlMicros: 1_000_000, scale, capacity, returns: false };
  await attempt(() => store.lease?.(BUCKET, request));
  await attempt(() => store.decide([{ takes: [{ ...take, returns: { id: 'lease', total: 1 } }] }]));
  await attempt(() => store.inspect([BUCKET]));
  await attempt(() => store.remember('every', [{ bucket: BUCKET, fullAfterMs: 60_000 }]));
  await attempt(() => store.bucketsOf('every'));
  await attempt(() => store.reset(BUCKET));
  await attempt(() => store.writeLimits('every', '{}'));
  await attempt(() => store.readLimits());
  await attempt(() => store.deleteLimits('every'));
  return errors;
}
