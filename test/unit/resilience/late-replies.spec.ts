import { beforeEach, describe, expect, it } from '@jest/globals';
import { algorithms } from '../../../lib/algorithms/index.js';
import type { Take } from '../../../lib/algorithms/kernel.js';
import type { Limit } from '../../../lib/algorithms/limit.js';
import { leakyBucket, tokenBucket } from '../../../lib/options/make-policy.js';
import { Debts, transactionOf } from '../../../lib/resilience/debts.js';
import { Fallback } from '../../../lib/resilience/fallback.js';
import { LateReplies, verdictsOf } from '../../../lib/resilience/late-replies.js';
import { NotAskedError, storeUnavailable } from '../../../lib/resilience/store-unavailable.js';
import { MemoryStore } from '../../../lib/stores/memory/memory.store.js';
import type { OnStoreError, Transaction } from '../../../lib/stores/store.interface.js';

const quota = tokenBucket({ capacity: 3, rate: '1/365d' }).limit as Limit;
const line = leakyBucket({ capacity: 3, rate: '1/365d' }).limit as Limit;
const take = (cost = 1): Take => algorithms['token-bucket'](quota, 'a', cost);

let there: MemoryStore;
let here: MemoryStore;
let debts: Debts;
let late: LateReplies;

beforeEach(() => {
  const clock = () => 1e15;
  there = new MemoryStore({ maxKeys: 10, clock });
  here = new MemoryStore({ maxKeys: 10, clock });
  debts = new Debts(here, 10);
  late = new LateReplies(there, debts);
});

/** Both decide it: the store in time, with a reply that comes too late. */
function decideTwice(transaction: Transaction, onStoreError: OnStoreError = 'memory', isAsked = true): void {
  const fallback = new Fallback(here, debts, { onStoreError, instances: 1, retryMicros: 1 });
  const replies = there.decide([transaction]);
  const verdicts = verdictsOf([transaction], fallback.decide([transaction]));
  late.note([transaction], replies, verdicts, isAsked);
}

const tokensIn = (store: MemoryStore, key = 'a'): number => {
  const { record } = store.inspect([key])[0] as {
    record: { level: number; ticksPerToken: number } | undefined;
  };
  return record === undefined ? 0 : record.level / record.ticksPerToken;
};

describe('a take that the store tells of too late', () => {
  it('counts there where it was admitted here, and is owed no more', () => {
    decideTwice({ takes: [take()] });
    expect([tokensIn(there), tokensIn(here)]).toEqual([1, 0]);
    expect(debts.isEmpty).toBe(true);
  });

  it('leaves owed what else was taken here', () => {
    decideTwice({ takes: [take(2)] });
    here.decide([{ takes: [take()] }]);
    debts.note(take());
    decideTwice({ takes: [take()] });
    expect([tokensIn(there), tokensIn(here)]).toEqual([3, 1]);
  });

  it('is given back where what is owed is being paid already', () => {
    const transaction = { takes: [take()] };
    const fallback = new Fallback(here, debts, { onStoreError: 'memory', instances: 1, retryMicros: 1 });
    const replies = there.decide([transaction]);
    const verdicts = verdictsOf([transaction], fallback.decide([transaction]));
    const [debt] = debts.begin(['a']);
    late.note([transaction], replies, verdicts, true);
    there.decide([transactionOf(debt!)]);
    debts.paid(debt!, 1);
    expect([tokensIn(there), tokensIn(here)]).toEqual([1, 0]);
  });

  it('counts where it was allowed here', () => {
    decideTwice({ takes: [take()] }, 'allow');
    expect(tokensIn(there)).toBe(1);
  });

  it('is given back where it was denied here', () => {
    decideTwice({ takes: [take(2)] }, 'deny');
    expect(tokensIn(there)).toBe(0);
  });

  it('is given back where it was refused here', () => {
    here.decide([{ takes: [take(3)] }]);
    decideTwice({ takes: [take()] });
    expect([tokensIn(there), tokensIn(here)]).toEqual([0, 3]);
  });

  it('is given back when the store is asked again, where it is not yet', () => {
    decideTwice({ takes: [take(2)] }, 'deny', false);
    expect(tokensIn(there)).toBe(2);
    late.giveAllBack();
    expect(tokensIn(there)).toBe(0);
  });

  it('is given back once, where the store does it and does not say so', async () => {
    const refund = there.refund.bind(there);
    there.refund = (...call) => {
      refund(...call);
      throw storeUnavailable('no answer within 100 ms');
    };
    there.decide([{ takes: [take(2)] }]);
    decideTwice({ takes: [take()] }, 'deny');
    await Promise.resolve();
    late.giveAllBack();
    expect(tokensIn(there)).toBe(2);
  });

  it('is given back later, where the store is not asked yet', async () => {
    const refund = there.refund.bind(there);
    there.refund = () => {
      throw new NotAskedError('no connection');
    };
    decideTwice({ takes: [take()] }, 'deny');
    await Promise.resolve();
    there.refund = refund;
    late.giveAllBack();
    expect(tokensIn(there)).toBe(0);
  });

  it('is nothing where it was only asked for', () => {
    decideTwice({ takes: [take()], peek: true }, 'deny');
    expect(tokensIn(there)).toBe(0);
  });

  it('is given back where it is a place in a line, for the line here has one too', () => {
    decideTwice({ takes: [algorithms['leaky-bucket'](line, 'a', 1)], revocable: true });
    expect([tokensIn(there), tokensIn(here)]).toEqual([0, 1]);
  });

  it('is settled with nothing where it was an estimate, for there is one here too', () => {
    const reserve = { id: 'reservation-1234', ttlMicros: 1e9 };
    decideTwice({ takes: [{ ...take(), reserve }] });
    expect([tokensIn(there), tokensIn(here)]).toEqual([0, 1]);
    expect(there.settle('a', { id: reserve.id, cost: 1, maxDebt: undefined, lowers: true })).toBeUndefined();
    expect(here.settle('a', { id: reserve.id, cost: 0, maxDebt: undefined, lowers: true })).toBeDefined();
  });
});
