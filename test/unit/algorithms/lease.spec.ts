import { describe, expect, it } from '@jest/globals';
import { algorithms } from '../../../lib/algorithms/index.js';
import type { LeaseRequest } from '../../../lib/algorithms/lease.js';
import type { Limit } from '../../../lib/algorithms/limit.js';
import { readLevel } from '../../../lib/algorithms/reading.js';
import { type BucketRecord, endOf } from '../../../lib/algorithms/record.js';
import { tokenBucket } from '../../../lib/options/make-policy.js';
import { KernelStore } from '../../../lib/testing/kernel.store.js';
import { ManualClock } from '../../support/manual-clock.js';

const START = Date.UTC(2100, 0) * 1000;
const SECOND = 1_000_000;
const BUCKET = 'b:{ada}';
const ten = tokenBucket({ capacity: 10, rate: '1/s' }).limit!;

function bench(limit = ten) {
  const clock = new ManualClock(START);
  const store = new KernelStore(clock.read);
  const take = (cost: number, of = limit, patience?: object) =>
    algorithms[of.algorithm](of, BUCKET, cost, patience);
  return {
    clock,
    store,
    ask: (id: string, total: number, wanted: number, of: Limit = limit, ttlMicros = SECOND) => {
      const { scale, capacity } = of;
      const request: LeaseRequest = { id, total, wanted, ttlMicros, scale, capacity, returns: false };
      return (store.lease(BUCKET, request) as { total: number }).total;
    },
    consume: (cost: number, of = limit, more: object = {}) =>
      (store.decide([{ takes: [{ ...take(cost, of), ...more }] }]) as { admitted: boolean }[])[0]!.admitted,
    wait: (cost: number) =>
      (store.decide([{ takes: [take(cost, limit, {})] }]) as { admitted: boolean }[])[0]!.admitted,
    record: () => (store.inspect([BUCKET]) as { record?: BucketRecord }[])[0]!.record,
    level: () => (store.inspect([BUCKET]) as { record?: BucketRecord }[])[0]!.record?.level,
    held: () =>
      (store.inspect([BUCKET]) as { record?: BucketRecord }[])[0]!.record?.holds?.map(({ held }) => held),
    read: (cost: number) => {
      const asked = take(cost);
      const [reply] = store.decide([{ takes: [asked], peek: true }]) as never as [
        { admitted: boolean; found: [never] },
      ];
      return readLevel(limit, asked, reply.found[0], { charged: reply.admitted, wait: 0, margin: 0 });
    },
  };
}

describe('a lease', () => {
  it('holds what is free, and no more: level, held and cost stay within the capacity', () => {
    const { ask, consume, held } = bench();
    expect(consume(3)).toBe(true);
    expect(ask('a', 0, 4)).toBe(4);
    expect(ask('b', 0, 9)).toBe(3);
    expect(ask('c', 0, 1)).toBe(0);
    expect(held()).toEqual([4, 3]);
    expect(consume(1)).toBe(false);
  });

  it('moves what was spent from what is held to the level, once, however often it is told', () => {
    const { ask, level, held, clock } = bench();
    ask('a', 0, 4);
    expect(ask('a', 3, 0)).toBe(4);
    expect([level(), held()]).toEqual([3 * SECOND, [1]]);
    expect(ask('a', 3, 0)).toBe(4);
    expect(ask('a', 2, 0)).toBe(4);
    expect([level(), held()]).toEqual([3 * SECOND, [1]]);
    clock.now += 500_000;
    expect(ask('a', 4, 2)).toBe(6);
    expect([level(), held()]).toEqual([3.5 * SECOND, [2]]);
  });

  it('does not drain while it is held', () => {
    const { ask, read, clock } = bench();
    ask('a', 0, 10, ten, 60 * SECOND);
    clock.now += 30 * SECOND;
    expect(read(1).remaining).toBe(0);
  });

  it('is all spent when it expires: it drains from there on', () => {
    const { ask, consume, level, record, clock } = bench();
    expect(consume(2)).toBe(true);
    ask('a', 0, 6);
    clock.now += 3 * SECOND;
    // One token has drained until it expired, and two since.
    expect([level(), record()!.at]).toEqual([7 * SECOND, START + SECOND]);
    expect(consume(5)).toBe(true);
    expect(consume(1)).toBe(false);
  });

  it('expires in order with the others, each drained to before the next', () => {
    const { ask, level, clock } = bench();
    ask('late', 0, 3, ten, 5 * SECOND);
    ask('early', 0, 2, ten, SECOND);
    clock.now += 6 * SECOND;
    // The two of the first have drained before the three of the second join.
    expect(level()).toBe(3 * SECOND);
  });

  it('settles nothing once it has expired: what is told later changes nothing', () => {
    const { ask, level, held, clock } = bench();
    ask('a', 0, 4);
    clock.now += SECOND;
    expect(ask('a', 3, 0)).toBe(3);
    expect([level(), held()]).toEqual([4 * SECOND, undefined]);
    expect(ask('a', 3, 2)).toBe(5);
  });

  it('gives back what was not spent, when it is returned, and is not known after that', () => {
    const { ask, consume, level, held } = bench();
    ask('a', 0, 10);
    expect(consume(5)).toBe(false);
    expect(consume(5, ten, { returns: { id: 'a', total: 4 } })).toBe(true);
    expect([level(), held()]).toEqual([9 * SECOND, undefined]);
    expect(consume(1, ten, { returns: { id: 'a', total: 9 } })).toBe(true);
    expect(level()).toBe(10 * SECOND);
  });

  it('is returned even by a take that is refused', () => {
    const { ask, consume, level } = bench();
    ask('a', 0, 10);
    expect(consume(7, ten, { returns: { id: 'a', total: 4 } })).toBe(false);
    expect(level()).toBe(4 * SECOND);
  });

  it('lets nobody wait beside it, and is not granted while somebody waits or the level is above the capacity', () => {
    const { ask, consume, wait, store, clock } = bench();
    ask('a', 0, 1);
    expect(wait(1)).toBe(false);
    clock.now += 2 * SECOND;
    expect([consume(10), wait(2)]).toEqual([true, true]);
    expect(ask('b', 0, 1)).toBe(0);
    clock.now += 2 * SECOND;
    expect(ask('b', 0, 1)).toBe(0);
    void store.reset(BUCKET);
    expect(ask('b', 0, 1)).toBe(1);
  });

  it('is granted at most 64 times at once', () => {
    const wide = tokenBucket({ capacity: 100, rate: '1/s' }).limit!;
    const { ask, held } = bench(wide);
    const granted = Array.from({ length: 66 }, (_, i) => ask(`lease-${i}`, 0, 1));
    expect(granted).toEqual([...Array(64).fill(1), 0, 0]);
    expect(ask('lease-3', 0, 2)).toBe(3);
    expect(held()).toHaveLength(64);
  });

  it('survives a change of rate as it is', () => {
    const { ask, held, read, consume } = bench();
    ask('a', 0, 6);
    const faster = tokenBucket({ capacity: 10, rate: '7/s' }).limit!;
    expect(consume(1, faster)).toBe(true);
    expect(held()).toEqual([6]);
    expect(ask('a', 2, 10, faster)).toBe(9);
    expect(read(1).remaining).toBe(0);
  });

  it('is not granted while the bucket is blocked', () => {
    const { ask, store } = bench();
    const nothing = { missing: undefined, mark: undefined, lowers: true };
    void store.report(BUCKET, { ...nothing, scale: ten.scale, block: SECOND });
    expect(ask('a', 0, 1)).toBe(0);
    void store.unblock(BUCKET);
    expect(ask('a', 0, 1)).toBe(1);
  });

  it('is still out there when its bucket is forgotten', () => {
    const { ask, consume, store, level, held } = bench();
    consume(4);
    ask('a', 0, 5);
    expect(store.reset(BUCKET)).toBe(true);
    expect([level(), held()]).toEqual([0, [5]]);
    expect([consume(6), consume(5)]).toEqual([false, true]);
  });

  it('is not lowered by a refund, which gives back only what is in the level', () => {
    const { ask, consume, store, level, held } = bench();
    consume(2);
    ask('a', 0, 5);
    void store.refund(BUCKET, 4);
    expect([level(), held()]).toEqual([0, [5]]);
  });

  it('moves back with a clock that steps back', () => {
    const { ask, consume, record, clock } = bench();
    consume(1);
    ask('a', 0, 5);
    clock.now -= 60 * SECOND;
    expect(consume(1)).toBe(true);
    expect(record()!.holds![0]!.expires).toBe(clock.now + SECOND);
  });

  it('says how long a refused take waits, with all that is held spent when it expires', () => {
    const { ask, read } = bench();
    ask('a', 0, 2, ten, SECOND);
    ask('b', 0, 8, ten, 5 * SECOND);
    // Nothing drains for a second; then two tokens in two seconds; then nothing until the fifth.
    expect(read(1)).toMatchObject({ fits: false, remaining: 0, retryAfterMs: 2000 });
    expect(read(2).retryAfterMs).toBe(3000);
    expect(read(3).retryAfterMs).toBe(6000);
    expect(read(3).resetAfterMs).toBe(13_000);
  });

  it('keeps its record until all is spent and has drained', () => {
    const { ask, consume, record } = bench();
    consume(1);
    ask('a', 0, 5, ten, 3 * SECOND);
    expect(endOf(record()!)).toBe(START + 8 * SECOND);
  });
});
