import { describe, expect, it } from '@jest/globals';
import type { Take } from '../../../lib/algorithms/kernel.js';
import { monotonicClock } from '../../../lib/stores/memory/clock.js';
import { MemoryStore } from '../../../lib/stores/memory/memory.store.js';
import { ManualClock } from '../../support/manual-clock.js';

const S = 1_000_000;

/** One token a second; takes one of `capacity`. */
const take = (key: string, capacity: number, cost = 1): Take => ({
  key,
  scale: { ticksPerToken: S, ticksPerMicro: 1 },
  capacity,
  cost,
  allowance: (capacity - cost) * S,
  startLevel: undefined,
  promises: false,
});

const of = (...takes: Take[]) => ({ takes, peek: false });

describe('the memory store', () => {
  it('answers the transactions of a batch in order, as if one after another', () => {
    const store = new MemoryStore({ maxKeys: 10, clock: () => 0 });
    const replies = store.decide([
      of(take('a', 2)),
      { takes: [take('a', 2)], peek: true },
      of(take('a', 2), take('b', 1)),
      of(take('b', 1)),
    ]);
    expect(replies).toMatchObject([
      { admitted: true, found: [{ level: 0 }] },
      { admitted: true, found: [{ level: S }] },
      { admitted: true, found: [{ level: S }, { level: 0 }] },
      { admitted: false, found: [{ level: S }] },
    ]);
  });

  it('reads its clock once for a batch', () => {
    let readings = 0;
    const store = new MemoryStore({ maxKeys: 10, clock: () => ++readings });
    store.decide([of(take('a', 5)), of(take('a', 5)), of(take('b', 5))]);
    expect(readings).toBe(1);
  });

  it('counts again from full for a bucket that it has dropped', () => {
    const store = new MemoryStore({ maxKeys: 2, clock: () => 0 });
    store.decide([of(take('soon', 3)), of(take('later', 3, 3)), of(take('new', 3))]);
    expect(store.decide([of(take('later', 3)), of(take('soon', 3))])).toMatchObject([
      { admitted: false, found: [{ level: 3 * S }] },
      { admitted: true, found: [{ level: 0 }] },
    ]);
  });

  it('keeps nothing of a refusal, a peek or a cost of 0, so that asking fills no memory', () => {
    const store = new MemoryStore({ maxKeys: 1, clock: () => 0 });
    store.decide([of(take('held', 3))]);
    const never = { ...take('never', 1), allowance: -1 };
    for (let i = 0; i < 100; i++) {
      const asked = { ...never, key: `never${i}` };
      store.decide([of(asked), of(take(`zero${i}`, 1, 0)), { takes: [take(`peek${i}`, 1)], peek: true }]);
    }
    expect(store.decide([of(take('held', 3))])).toMatchObject([{ admitted: true, found: [{ level: S }] }]);
  });

  it('says whether there was a bucket to forget', () => {
    const store = new MemoryStore({ maxKeys: 2, clock: () => 0 });
    store.decide([of(take('a', 1))]);
    expect([store.reset('a'), store.reset('a'), store.reset('b')]).toEqual([true, false, false]);
    expect(store.decide([of(take('a', 1))])).toMatchObject([{ admitted: true }]);
  });

  it('gives back and forgets nothing where the bucket is full, though its record may still be there', () => {
    const clock = new ManualClock(0);
    const store = new MemoryStore({ maxKeys: 2, clock: clock.read });
    store.decide([of(take('a', 2, 2))]);
    expect(store.refund('a', 1)).toBe(true);
    clock.now = S;
    expect([store.refund('a', 1), store.refund('b', 1)]).toEqual([false, false]);
    expect(store.reset('a')).toBe(false);
  });

  it('holds nothing after it was closed', () => {
    const store = new MemoryStore({ maxKeys: 2, clock: () => 0 });
    store.decide([of(take('a', 1))]);
    store.close();
    expect(store.reset('a')).toBe(false);
  });

  it('runs by a clock of whole microseconds that never steps back', () => {
    const readings = Array.from({ length: 1000 }, monotonicClock);
    expect(readings.filter((reading) => !Number.isSafeInteger(reading))).toEqual([]);
    expect(readings).toEqual([...readings].sort((a, b) => a - b));
  });
});
