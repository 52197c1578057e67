import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Take } from '../../../lib/algorithms/kernel.js';
import { RateLimitError } from '../../../lib/errors/rate-limit.error.js';
import { BatchingStore } from '../../../lib/stores/batching.store.js';
import { MemoryStore } from '../../../lib/stores/memory/memory.store.js';
import type { Deadline, Store, Transaction, TransactionReply } from '../../../lib/stores/store.interface.js';

const take = (key: string, cost = 1): Take => ({
  key,
  scale: { ticksPerMicro: 1, ticksPerToken: 3_600_000_000 },
  capacity: 1000,
  cost,
  allowance: (1000 - cost) * 3_600_000_000,
  startLevel: undefined,
  promises: false,
});
const one = (key: string, cost = 1): Transaction => ({ takes: [take(key, cost)] });

/** What the store behind was called with, in order: of a decision the keys. */
let calls: string[];
let deadlines: (Deadline | undefined)[];
/** Replies are held until they are let go. */
let letGo: (() => void)[];
let isHolding: boolean;
let fail: (transactions: readonly Transaction[]) => unknown;
let store: BatchingStore;
let memory: MemoryStore;

beforeEach(() => {
  [calls, deadlines, letGo, isHolding] = [[], [], [], false];
  fail = () => undefined;
  memory = new MemoryStore({ maxKeys: 1000, clock: () => 1e15 });
  const behind = new Proxy<Store>(memory, {
    get: (target, name: keyof Store) => {
      if (name === 'decide') return decide;
      return (...args: unknown[]) => {
        calls.push(name);
        return (target[name] as (...args: unknown[]) => unknown)?.(...args);
      };
    },
  });
  store = new BatchingStore(behind, { timeoutMs: 100 });
});

async function decide(
  transactions: readonly Transaction[],
  deadline?: Deadline,
): Promise<TransactionReply[]> {
  calls.push(transactions.map(({ takes }) => takes.map(({ key }) => key).join('+')).join(' '));
  deadlines.push(deadline);
  const error = fail(transactions);
  if (isHolding) await new Promise<void>((resolve) => letGo.push(resolve));
  if (error !== undefined) throw error;
  return memory.decide(transactions);
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const levelOf = ([reply]: readonly TransactionReply[]) => Number(reply!.found[0]!.level) / 3_600_000_000;

describe('calls of one tick', () => {
  it('are decided with one, in the order of arrival, each with its own replies', async () => {
    const replies = await Promise.all([
      store.decide([one('a')]),
      store.decide([one('b', 5), one('a', 2)]),
      store.decide([one('a')]),
    ]);
    expect(calls).toEqual(['a b a a']);
    expect(replies.map((told) => told.length)).toEqual([1, 2, 1]);
    expect(replies.map(levelOf)).toEqual([0, 0, 3]);
  });

  it('take with them whoever asks behind a promise of that tick', async () => {
    const asks = [store.decide([one('a')]), Promise.resolve().then(() => store.decide([one('b')]))];
    await Promise.all(asks);
    expect(calls).toEqual(['a b']);
  });

  it('wait for nobody where nothing is under way', async () => {
    const asked = store.decide([one('a')]);
    await new Promise((resolve) => process.nextTick(resolve));
    expect(calls).toEqual(['a']);
    await asked;
  });

  it('are more than one call where they are many', async () => {
    await Promise.all(Array.from({ length: 300 }, (_, i) => store.decide([one(`${i}`)])));
    expect(calls.map((call) => call.split(' ').length)).toEqual([120, 120, 60]);
  });

  it('are a call for each run of those that wait, and of those that do not', async () => {
    const waiting = (key: string): Transaction => ({ takes: [{ ...take(key), startLevel: 0 }] });
    const asked = [one('a'), one('b'), waiting('c'), waiting('a'), one('c')];
    await Promise.all(asked.map((transaction) => store.decide([transaction])));
    expect(calls).toEqual(['a b', 'c a', 'c']);
  });

  it('are counted by the buckets that they have between them', async () => {
    const stack = (i: number): Transaction => ({
      takes: [take('all'), take(`route-${i % 5}`), take(`${i}`)],
    });
    await Promise.all(Array.from({ length: 200 }, (_, i) => store.decide([stack(i)])));
    expect(calls.map((call) => call.split(' ').length)).toEqual([120, 80]);
    calls = [];
    const apart = (i: number): Transaction => ({ takes: [take(`a-${i}`), take(`b-${i}`), take(`c-${i}`)] });
    await Promise.all(Array.from({ length: 100 }, (_, i) => store.decide([apart(i)])));
    expect(calls.map((call) => call.split(' ').length)).toEqual([80, 20]);
  });

  it('leave a call whole, also one that is larger than a batch', async () => {
    const many = { takes: Array.from({ length: 250 }, (_, i) => take(`${i}`)) };
    const some = { takes: many.takes.slice(0, 100) };
    await Promise.all([some, many, some].map((transaction) => store.decide([transaction])));
    expect(calls.map((call) => call.split('+').length)).toEqual([100, 250, 100]);
  });
});

describe('while a reply is awaited', () => {
  it('calls leave with all others of the turn, and do not wait for it', async () => {
    isHolding = true;
    const asked = [store.decide([one('a')])];
    await new Promise((resolve) => process.nextTick(resolve));
    asked.push(store.decide([one('b')]));
    await new Promise((resolve) => process.nextTick(resolve));
    asked.push(store.decide([one('c')]));
    expect(calls).toEqual(['a']);
    await turn();
    expect(calls).toEqual(['a', 'b c']);
    for (const go of letGo) go();
    await Promise.all(asked);
  });

  it('a call that has failed is not awaited any more', async () => {
    fail = () => new Error('gone');
    await expect(store.decide([one('a')])).rejects.toThrow('gone');
    fail = () => undefined;
    const asked = store.decide([one('b')]);
    await new Promise((resolve) => process.nextTick(resolve));
    expect(calls).toEqual(['a', 'b']);
    await asked;
  });
});

describe('what is no decision', () => {
  const report = {
    scale: take('a').scale,
    missing: 1,
    mark: undefined,
    lowers: true,
    block: 0,
  };
  it.each([
    ['refund', () => store.refund('a', 1)],
    ['undo', () => store.undo([])],
    ['settle', () => store.settle('a', { id: 'x', cost: 1, maxDebt: undefined, lowers: true })],
    [
      'lease',
      () =>
        store.lease('a', { id: 'l', total: 0, wanted: 1, ttlMicros: 1, capacity: 1, scale: report.scale }),
    ],
    ['report', () => store.report('a', report)],
    ['unblock', () => store.unblock('a')],
    ['reset', () => store.reset('a')],
    ['inspect', () => store.inspect(['a'])],
    ['close', () => store.close()],
  ])('%s does not overtake what was asked before', async (name, act) => {
    const before = store.decide([one('a')]);
    const acted = act();
    const after = store.decide([one('b')]);
    await Promise.all([before, acted, after]);
    expect(calls).toEqual(['a', name, 'b']);
  });
});

describe('the deadline', () => {
  it('is left to the store where nobody has one', async () => {
    await Promise.all([store.decide([one('a')]), store.decide([one('b')])]);
    expect(deadlines).toEqual([undefined]);
  });

  it('of a batch is the earliest', async () => {
    const until = performance.now() + 99;
    await Promise.all([
      store.decide([one('a')], { until: until + 1 }),
      store.decide([one('b')], { until }),
      store.decide([one('c')]),
    ]);
    expect(deadlines).toEqual([{ until }]);
  });

  it('of a call with much less time than the others is its own: it goes by itself', async () => {
    const until = performance.now() + 50;
    await Promise.all([
      store.decide([one('a')]),
      store.decide([one('b')], { until }),
      store.decide([one('c')]),
    ]);
    expect(calls).toEqual(['a', 'b', 'c']);
    expect(deadlines).toEqual([undefined, { until }, undefined]);
  });

  it('tells each of its own takes that were carried out, and told of too late', async () => {
    const told: string[] = [];
    const listen = (name: string): Deadline => ({
      until: performance.now() + 100,
      onLate: (late, replies) =>
        told.push(`${name} ${late.map(({ takes }) => takes[0]!.key)} ${replies.length}`),
    });
    const [a, b, c] = [one('a'), one('b'), one('c')];
    await Promise.all([
      store.decide([a, b], listen('first')),
      store.decide([one('d')]),
      store.decide([c], listen('second')),
    ]);
    const replies = memory.decide([b, c]);
    deadlines[0]!.onLate!([b, c], replies);
    expect(told).toEqual(['first b 1', 'second c 1']);
  });
});

describe('a failure', () => {
  it('of the store is that of all', async () => {
    fail = () => new Error('gone');
    const settled = await Promise.allSettled([store.decide([one('a')]), store.decide([one('b')])]);
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(calls).toEqual(['a b']);
  });

  it('that is a mistake of one is that of no other', async () => {
    const mistake = new RateLimitError('CLUSTER_PICK', 'not there');
    fail = (transactions) =>
      transactions.some(({ takes }) => takes[0]!.key === 'bad') ? mistake : undefined;
    const [a, bad, b] = await Promise.allSettled([
      store.decide([one('a')]),
      store.decide([one('bad')]),
      store.decide([one('b')]),
    ]);
    expect([a!.status, b!.status]).toEqual(['fulfilled', 'fulfilled']);
    expect(bad).toEqual({ status: 'rejected', reason: mistake });
    expect(calls).toEqual(['a bad b', 'a', 'bad', 'b']);
  });

  it('at once is one later', async () => {
    const broken = {
      decide: () => {
        throw new Error('at once');
      },
    } as unknown as Store;
    await expect(new BatchingStore(broken).decide([one('a')])).rejects.toThrow('at once');
  });
});
