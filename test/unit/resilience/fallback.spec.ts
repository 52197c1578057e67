import { beforeEach, describe, expect, it } from '@jest/globals';
import { algorithms } from '../../../lib/algorithms/index.js';
import type { Limit } from '../../../lib/algorithms/limit.js';
import { leakyBucket, tokenBucket } from '../../../lib/options/make-policy.js';
import { type Debt, Debts } from '../../../lib/resilience/debts.js';
import { Fallback } from '../../../lib/resilience/fallback.js';
import { MemoryStore } from '../../../lib/stores/memory/memory.store.js';
import type { OnStoreError, Transaction } from '../../../lib/stores/store.interface.js';

const S = 1_000_000;
const limitOf = (options: { capacity: number; rate: number | string }): Limit =>
  tokenBucket(options as never).limit as Limit;
const ten = limitOf({ capacity: 10, rate: 10 });
const take = (key: string, cost = 1, limit = ten) => algorithms['token-bucket'](limit, key, cost);

let now: number;
let store: MemoryStore;
let debts: Debts;

const fallbackFor = (instances = 1, onStoreError: OnStoreError = 'memory') =>
  new Fallback(store, debts, { onStoreError, instances, retryMicros: S });

beforeEach(() => {
  now = 1e15;
  store = new MemoryStore({ maxKeys: 100, clock: () => now });
  debts = new Debts(store, 100);
});

describe('a decision without the store', () => {
  it('is made by a bucket of this process, which owes what it takes', () => {
    const fallback = fallbackFor();
    const [reply] = fallback.decide([{ takes: [take('a', 4)] }]);
    expect(reply).toMatchObject({ admitted: true, charged: [0], instead: [{ source: 'memory' }] });
    expect(debts.begin(['a'])).toMatchObject([{ key: 'a', tokens: 4, take: { cost: 4 } }]);
  });

  it('owes nothing for a peek, a refusal, or what has drained meanwhile', () => {
    const fallback = fallbackFor();
    fallback.decide([{ takes: [take('peeked')], peek: true }]);
    fallback.decide([{ takes: [take('refused', 11)] }]);
    fallback.decide([{ takes: [take('drained', 4)] }]);
    now += S;
    expect(debts.begin(['peeked', 'refused', 'drained'])).toEqual([]);
    expect(debts.isEmpty).toBe(true);
  });

  it('rounds what is owed up to a whole token', () => {
    fallbackFor().decide([{ takes: [take('a', 4)] }]);
    now += 0.25 * S;
    expect(debts.begin(['a'])).toMatchObject([{ tokens: 2 }]);
  });

  it('that allows takes nothing, and finds whatever is there no obstacle', () => {
    const fallback = fallbackFor();
    fallback.decide([{ takes: [take('a', 10)] }]);
    const [reply] = fallback.decide([{ takes: [take('a', 10)], onStoreError: ['allow'] }]);
    expect(reply).toMatchObject({ admitted: true, instead: [{ source: 'allow' }] });
    expect(debts.begin(['a'])).toMatchObject([{ tokens: 10 }]);
  });

  it('that denies refuses all of a transaction, and none of it is charged', () => {
    const transaction: Transaction = { takes: [take('a'), take('b')], onStoreError: [undefined, 'deny'] };
    const [reply] = fallbackFor().decide([transaction]);
    expect(reply).toMatchObject({ admitted: false, charged: [], found: [{ block: 0 }, { block: S }] });
    expect(debts.isEmpty).toBe(true);
  });

  it('picks no bucket that denies', () => {
    const transaction = {
      takes: [take('a'), take('b')],
      onStoreError: ['deny', 'memory'] as const,
      pick: {},
    };
    expect(fallbackFor().decide([transaction])).toMatchObject([{ admitted: true, charged: [1] }]);
  });
});

describe('one of four instances', () => {
  it('admits a quarter of the capacity, and refills at a quarter of the rate', () => {
    const fallback = fallbackFor(4);
    const admit = () => fallback.decide([{ takes: [take('a')] }])[0]?.admitted;
    expect([admit(), admit(), admit()]).toEqual([true, true, false]);
    now += 0.4 * S - 1;
    expect(admit()).toBe(false);
    now += 1;
    expect(admit()).toBe(true);
    // What is owed is whole tokens of the policy.
    expect(debts.begin(['a'])).toMatchObject([{ tokens: 2, take: { scale: ten.scale, capacity: 10 } }]);
  });

  it('admits at least one where the capacity is below that, and never a cost above its share', () => {
    const fallback = fallbackFor(40);
    expect(fallback.decide([{ takes: [take('a')] }])[0]?.admitted).toBe(true);
    expect(fallback.decide([{ takes: [take('a', 2)] }])[0]).toMatchObject({
      admitted: false,
      instead: [{ take: { allowance: -1 } }],
    });
  });

  it('lets a line wait four times as long for each place', () => {
    const line = leakyBucket({ capacity: 8, rate: 10 }).limit as Limit;
    const one = algorithms['leaky-bucket'](line, 'line', 1);
    const fallback = fallbackFor(4);
    fallback.decide([{ takes: [one] }]);
    const [second] = fallback.decide([{ takes: [one] }]);
    expect(Number(second?.found[0]?.level) / line.scale.ticksPerMicro).toBe(0.4 * S);
    expect(fallback.decide([{ takes: [one] }])[0]?.admitted).toBe(false);
  });

  it('lets who waits for tokens wait as long as all would', () => {
    const patient = algorithms['token-bucket'](ten, 'a', 1, { maxWaitMicros: S });
    const fallback = fallbackFor(4);
    const admitted = Array.from({ length: 6 }, () => fallback.decide([{ takes: [patient] }])[0]?.admitted);
    // Two at once, then one each 0.4 s, up to a wait of 1 s.
    expect(admitted).toEqual([true, true, true, true, false, false]);
  });

  it('counts with capacities that are as large as can be', () => {
    const wide = limitOf({ capacity: 9_000_000, rate: '1000000000/s' });
    expect(() => fallbackFor(10_000).decide([{ takes: [take('a', 1, wide)] }])).not.toThrow();
    expect(debts.begin(['a'])).toMatchObject([{ tokens: 1 }]);
  });
});

describe('debts', () => {
  it('are paid once, however many ask', () => {
    fallbackFor().decide([{ takes: [take('a', 4)] }]);
    const [debt] = debts.begin(['a']);
    expect(debts.begin(['a'])).toEqual([]);
    debts.paid(debt as never, 4);
    expect(debts.begin(['a'])).toEqual([]);
    expect(debts.isEmpty).toBe(true);
  });

  it('are owed again where they could not be paid, with what was taken since', () => {
    const fallback = fallbackFor();
    fallback.decide([{ takes: [take('a', 4)] }]);
    const [debt] = debts.begin(['a']);
    fallback.decide([{ takes: [take('a', 2)] }]);
    debts.failed(debt as never);
    expect(debts.begin(['a'])).toMatchObject([{ tokens: 6 }]);
  });

  it('leave what was taken since, when they are paid', () => {
    const fallback = fallbackFor();
    fallback.decide([{ takes: [take('a', 4)] }]);
    const [debt] = debts.begin(['a']);
    fallback.decide([{ takes: [take('a', 2)] }]);
    debts.paid(debt as never, 4);
    expect(debts.begin(['a'])).toMatchObject([{ tokens: 2 }]);
  });

  it('pass the capacity of the bucket in the store once more at most', () => {
    fallbackFor().decide([{ takes: [take('a', 10)] }]);
    const [debt] = debts.begin(['a']);
    const { allowance, cost, scale } = (debt as Debt).take;
    expect((allowance + cost * scale.ticksPerToken) / scale.ticksPerToken).toBe(20);
  });

  it('are no more than so many', () => {
    const few = new Debts(store, 2);
    const fallback = new Fallback(store, few, { onStoreError: 'memory', instances: 1, retryMicros: S });
    for (const key of ['a', 'b', 'c']) fallback.decide([{ takes: [take(key)] }]);
    expect(few.unpaid()).toEqual(['b', 'c']);
  });

  it('of a bucket whose level was reported are told as a report', () => {
    const fallback = fallbackFor();
    fallback.decide([{ takes: [take('a', 4)] }]);
    store.report('a', { scale: ten.scale, missing: 7, mark: undefined, lowers: false, block: 2 * S });
    debts.noteReport('a', { scale: ten.scale, missing: 7 });
    fallback.decide([{ takes: [take('a', 1)] }]);
    expect(debts.begin(['a'])).toEqual([]);
    expect(debts.takeReports()).toMatchObject([
      { key: 'a', report: { missing: 7, lowers: false, block: 2 * S } },
    ]);
    expect(debts.isEmpty).toBe(true);
  });

  it('of a bucket that was only blocked are owed on, and the block is told', () => {
    const fallback = fallbackFor();
    fallback.decide([{ takes: [take('a', 4)] }]);
    store.report('a', { scale: ten.scale, missing: undefined, mark: undefined, lowers: false, block: 2 * S });
    debts.noteReport('a', { scale: ten.scale, missing: undefined });
    expect(debts.takeReports()).toMatchObject([{ key: 'a', report: { missing: undefined, block: 2 * S } }]);
    expect(debts.begin(['a'])).toMatchObject([{ tokens: 4 }]);
  });

  it('that do not fit in the store stay used here, and are owed no more', () => {
    fallbackFor().decide([{ takes: [take('a', 4)] }]);
    const [debt] = debts.begin(['a']);
    debts.paid(debt as Debt, 1);
    expect(debts.isEmpty).toBe(true);
    expect(fallbackFor().decide([{ takes: [take('a', 8)] }])).toMatchObject([{ admitted: false }]);
  });

  it('are what an estimate has cost more, also where the estimate was paid', () => {
    const reserve = { id: 'reservation-1234', ttlMicros: 1e9 };
    fallbackFor().decide([{ takes: [{ ...take('a', 1), reserve }] }]);
    const [debt] = debts.begin(['a']);
    debts.paid(debt as Debt, 1);
    expect(
      store.settle('a', { id: reserve.id, cost: 9, maxDebt: undefined, lowers: true })?.ticks,
    ).toBeGreaterThan(0);
    debts.noteSettled('a', reserve.id);
    expect(debts.begin(['a'])).toMatchObject([{ tokens: 8 }]);
  });
});
