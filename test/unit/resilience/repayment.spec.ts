import { beforeEach, describe, expect, it } from '@jest/globals';
import { algorithms } from '../../../lib/algorithms/index.js';
import type { Limit } from '../../../lib/algorithms/limit.js';
import { tokenBucket } from '../../../lib/options/make-policy.js';
import { Debts } from '../../../lib/resilience/debts.js';
import { Repayment } from '../../../lib/resilience/repayment.js';
import { MemoryStore } from '../../../lib/stores/memory/memory.store.js';
import { SomeFailedError } from '../../../lib/stores/some-failed.error.js';
import type { Deadline, Store, Transaction, TransactionReply } from '../../../lib/stores/store.interface.js';

const quota = tokenBucket({ capacity: 9, rate: '1/365d' }).limit as Limit;
const take = (key: string, cost: number) => algorithms['token-bucket'](quota, key, cost);

type OnLate = NonNullable<Deadline['onLate']>;

let there: MemoryStore;
let debts: Debts;
let decide: (
  transactions: readonly Transaction[],
  deadline?: Deadline,
) => Promise<readonly TransactionReply[]>;
let late: Parameters<OnLate>[];
let store: Store;
let repayment: Repayment;

beforeEach(() => {
  const clock = () => 1e15;
  there = new MemoryStore({ maxKeys: 10, clock });
  const here = new MemoryStore({ maxKeys: 10, clock });
  debts = new Debts(here, 10);
  for (const [key, cost] of Object.entries({ a: 1, b: 2, c: 3 })) {
    here.decide([{ takes: [take(key, cost)] }]);
    debts.note(take(key, cost));
  }
  decide = async (transactions) => there.decide(transactions);
  late = [];
  store = { decide: (...call: Parameters<typeof decide>) => decide(...call) } as Store;
  repayment = new Repayment(store, debts, { timeoutMs: 100, onLate: (...told) => late.push(told) });
});

const levels = () =>
  ['a', 'b', 'c'].map((key) => {
    const { record } = there.inspect([key])[0]!;
    return record === undefined ? 0 : record.level / record.ticksPerToken;
  });

describe('what is owed', () => {
  it('is paid, once', async () => {
    expect(await repayment.payAll()).toBe(3);
    expect(await repayment.payAll()).toBe(0);
    expect(levels()).toEqual([1, 2, 3]);
    expect(debts.isEmpty).toBe(true);
  });

  it('is not paid again where only a part of the call has failed', async () => {
    decide = async (transactions, deadline) => {
      const paid = transactions.filter(({ takes }) => takes[0]?.key !== 'c');
      deadline?.onLate?.(paid, there.decide(paid));
      throw new Error('one of the nodes is down');
    };
    await repayment.payAll();
    expect(debts.unpaid()).toEqual(['c']);
    decide = async (transactions) => there.decide(transactions);
    expect(await repayment.payAll()).toBe(1);
    expect(levels()).toEqual([1, 2, 3]);
    expect(late).toEqual([]);
  });

  it('is not paid again of a slot that has answered where another has not', async () => {
    let isDown = true;
    decide = async (transactions) => {
      const outcomes = transactions.map((one) =>
        isDown && one.takes[0]?.key === 'b' ? new Error('it moves') : there.decide([one])[0]!,
      );
      return SomeFailedError.check(outcomes);
    };
    await repayment.payAll();
    expect(levels()).toEqual([1, 0, 3]);
    expect(debts.unpaid()).toEqual(['b']);
    isDown = false;
    expect(await repayment.payAll()).toBe(1);
    expect(levels()).toEqual([1, 2, 3]);
  });

  it('is paid to a node that is back while another is not, in whatever order they are asked', async () => {
    decide = async (transactions) => {
      if (transactions.some(({ takes }) => takes[0]?.key === 'a')) throw new Error('its node is down');
      return there.decide(transactions);
    };
    expect(await repayment.payAll()).toBe(2);
    expect(debts.unpaid()).toEqual(['a']);
    expect(levels()).toEqual([0, 2, 3]);
  });

  it('is looked at again where another node is back meanwhile', async () => {
    let isDown = true;
    decide = async (transactions) => {
      if (isDown && transactions.some(({ takes }) => takes[0]?.key === 'a'))
        throw new Error('its node is down');
      return there.decide(transactions);
    };
    const first = repayment.payAll();
    while (debts.unpaid().join() !== 'a') await Promise.resolve();
    isDown = false;
    const second = repayment.payAll();
    expect(await first).toBe(3);
    expect(await second).toBe(3);
    expect(debts.isEmpty).toBe(true);
  });

  it('of a report is told again where it could not be told', async () => {
    const told: string[] = [];
    let isDown = true;
    store.report = async (key) => {
      if (isDown) throw new Error('down');
      told.push(key);
      return undefined as never;
    };
    debts.noteReport('b', { scale: quota.scale, missing: 2 });
    await repayment.payAll();
    isDown = false;
    await repayment.payAll();
    expect(told).toEqual(['b']);
  });

  it('is told to be given back where the store says too late that it was paid', async () => {
    let tell: (() => void) | undefined;
    decide = async (transactions, deadline) => {
      const replies = tell === undefined ? there.decide(transactions) : [];
      tell ??= () => deadline?.onLate?.(transactions, replies);
      throw new Error('no answer within 100 ms');
    };
    expect(await repayment.payAll()).toBe(0);
    tell?.();
    expect(debts.unpaid()).toEqual(['a', 'b', 'c']);
    expect(late.flatMap(([transactions]) => transactions.map(({ takes }) => takes[0]!.cost))).toEqual([
      1, 2, 3,
    ]);
  });

  it('is as much as the bucket may still owe', async () => {
    there.decide([{ takes: [take('c', 9)] }]);
    there.decide([{ takes: [{ ...take('c', 7), allowance: Number.MAX_SAFE_INTEGER }] }]);
    await repayment.payAll();
    while (debts.unpaid().length > 0 || levels()[2] !== 18) await Promise.resolve();
    expect(levels()).toEqual([1, 2, 18]);
    expect(debts.isEmpty).toBe(true);
  });
});
