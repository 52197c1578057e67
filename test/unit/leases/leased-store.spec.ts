import { describe, expect, it } from '@jest/globals';
import { algorithms } from '../../../lib/algorithms/index.js';
import type { Limit } from '../../../lib/algorithms/limit.js';
import { readLevel } from '../../../lib/algorithms/reading.js';
import type { BucketRecord } from '../../../lib/algorithms/record.js';
import type { LeaseClock } from '../../../lib/leases/lease-clock.js';
import { LeasedStore } from '../../../lib/leases/leased.store.js';
import { tokenBucket } from '../../../lib/options/make-policy.js';
import type { Transaction, TransactionReply } from '../../../lib/stores/store.interface.js';
import { KernelStore } from '../../../lib/testing/kernel.store.js';
import { decidePlainly } from '../../support/plain-call.js';

const START = Date.UTC(2100, 0) * 1000;
const lease = { perSecond: 4, tokens: 10 };
const hundred = tokenBucket({ capacity: 100, rate: '1/s', lease }).limit!;
const plain = tokenBucket({ capacity: 100, rate: '1/s' }).limit!;

/** A store whose time, and that of this process, is moved by hand. */
class Clock implements LeaseClock {
  ms = 0;
  alarms: { time: number; call: () => void }[] = [];
  now = () => this.ms;
  wall = () => this.ms;
  at = (time: number, call: () => void) => {
    const alarm = { time, call };
    this.alarms.push(alarm);
    return () => {
      this.alarms = this.alarms.filter((one) => one !== alarm);
    };
  };

  async move(ms: number): Promise<void> {
    this.ms += ms;
    const due = this.alarms.filter(({ time }) => time <= this.ms);
    this.alarms = this.alarms.filter(({ time }) => time > this.ms);
    for (const { call } of due) call();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function bench() {
  const clock = new Clock();
  const calls: string[] = [];
  const kernel = new (class extends KernelStore {
    override decide(transactions: readonly Transaction[]) {
      calls.push('decide');
      return super.decide(transactions);
    }

    enqueue(): boolean {
      calls.push('enqueue');
      return true;
    }

    override lease(...args: Parameters<KernelStore['lease']>) {
      calls.push(args[1].returns ? 'return' : 'lease');
      return super.lease(...args);
    }
  })(() => START + clock.ms * 1000);
  const store = new LeasedStore(kernel, { timeoutMs: 100, clock });
  const take = (key = 'b:{a}', cost = 1, limit: Limit = hundred) =>
    algorithms[limit.algorithm](limit, key, cost);
  const decide = (...takes: ReturnType<typeof take>[]) => store.decide([{ takes, counted: true }]);
  const decided = async (...takes: ReturnType<typeof take>[]) =>
    ((await decide(...takes)) as TransactionReply[])[0]!;
  /** Asked for often enough: from the second take on, tokens are taken ahead. */
  const warmUp = async (key = 'b:{a}') => {
    await decided(take(key));
    await decided(take(key));
  };
  const record = (key = 'b:{a}') => (kernel.inspect([key]) as { record?: BucketRecord }[])[0]!.record;
  return { clock, calls, store, take, decide, decided, warmUp, record };
}

it('takes of several buckets do not go past the lease of one of them', async () => {
  const { calls, store, take, warmUp } = bench();
  await warmUp();
  const decided = decidePlainly(store, [take('b:{b}', 1, plain), take()]);
  expect(calls).toEqual(['decide', 'lease', 'decide']);
  expect(await decided).toMatchObject({ admitted: true });
});

describe('a bucket that is asked for often', () => {
  it('is decided at once, without the store, as far as what was taken ahead goes', async () => {
    const { calls, decide, take, warmUp } = bench();
    await warmUp();
    expect(calls).toEqual(['decide', 'lease']);
    for (let i = 0; i < 7; i++) expect(decide(take())).toMatchObject([{ admitted: true, charged: [0] }]);
    expect(calls).toEqual(['decide', 'lease']);
  });

  it('says what is left for certain, and never more', async () => {
    const { decide, take, warmUp } = bench();
    await warmUp();
    const one = take();
    const [{ found }] = decide(one) as [TransactionReply];
    const share = { charged: true, wait: 0, margin: 0 };
    expect(readLevel(hundred, one, found[0]!, share)).toMatchObject({ fits: true, remaining: 8 });
  });

  it('is not leased where it is asked for seldom, where its policy does not say it, and for who only looks', async () => {
    const { calls, clock, decided, store, take } = bench();
    for (let i = 0; i < 5; i++) {
      await decided(take());
      await clock.move(400);
      await decided(take('b:{b}', 1, plain));
      await store.decide([{ takes: [take('b:{c}')], peek: true }]);
    }
    expect(new Set(calls)).toEqual(new Set(['decide']));
  });
});

describe('what a lease does not cover', () => {
  it('waits for the answer to a call for more, which settles what was spent', async () => {
    const { calls, decided, take, warmUp, record } = bench();
    await warmUp();
    expect(await decided(take('b:{a}', 20))).toMatchObject({ admitted: true });
    expect(calls).toEqual(['decide', 'lease', 'lease']);
    expect(record()!.holds).toHaveLength(1);
  });

  it('is refused at once where nothing more was free, until the pace is over, and then the store is asked again', async () => {
    const { calls, clock, decide, decided, take, warmUp } = bench();
    await warmUp();
    await decided(take('b:{a}', 89));
    await decided(take('b:{a}', 20));
    const asked = calls.length;
    const refused = decide(take('b:{a}', 20)) as TransactionReply[];
    expect(refused).toMatchObject([{ admitted: false, charged: [] }]);
    const share = { charged: false, wait: 0, margin: 0 };
    const { retryAfterMs } = readLevel(hundred, take('b:{a}', 20), refused[0]!.found[0]!, share);
    expect(calls).toHaveLength(asked);
    expect(retryAfterMs).toBeGreaterThan(10_000);
    await clock.move(retryAfterMs!);
    expect(await decided(take('b:{a}', 20))).toMatchObject({ admitted: true });
  });

  it('lets no more wait than there can be tokens for: who comes after them is refused at once', async () => {
    const { decide, take, warmUp } = bench();
    await warmUp();
    const replies = Array.from({ length: 300 }, () => decide(take()));
    const waiting = replies.filter((reply) => reply instanceof Promise);
    const all = (await Promise.all(replies)).map(([reply]) => reply!.admitted);
    // Two tokens were taken before, and nine are spent without waiting.
    expect(all.filter(Boolean)).toHaveLength(98);
    expect(waiting.length).toBeLessThanOrEqual(100);
  });

  it('is decided by its first answer where all ask at once, before there was any', async () => {
    const { decide, take } = bench();
    const all = await Promise.all(Array.from({ length: 300 }, () => decide(take())));
    expect(all.filter(([reply]) => reply!.admitted)).toHaveLength(100);
  });

  it('is decided by the store where another bucket is not leased: what is left goes back with the same call', async () => {
    const { calls, decided, take, warmUp, record } = bench();
    await warmUp();
    expect(await decided(take(), take('b:{b}', 1, plain))).toMatchObject({ admitted: true });
    expect(calls).toEqual(['decide', 'lease', 'decide']);
    expect(record()).toMatchObject({ level: 3_000_000 });
    expect(record()!.holds).toBeUndefined();
  });

  it('goes back when other numbers count', async () => {
    const { calls, decided, take, warmUp, record } = bench();
    await warmUp();
    const fewer = tokenBucket({ capacity: 50, rate: '1/s', lease }).limit!;
    await decided(take('b:{a}', 1, fewer));
    expect(calls).toEqual(['decide', 'lease', 'decide']);
    expect(record()!.holds).toBeUndefined();
  });
});

describe('several buckets of one request', () => {
  it('are decided here where all of them are leased and covered', async () => {
    const { calls, decide, decided, take, warmUp } = bench();
    await warmUp('b:{a}');
    await warmUp('b:{b}');
    const asked = calls.length;
    expect(decide(take('b:{a}'), take('b:{b}'))).toMatchObject([{ admitted: true, charged: [0, 1] }]);
    expect(calls).toHaveLength(asked);
    // All or nothing: what one of them does not cover is spent of neither.
    expect(await decided(take('b:{a}', 101), take('b:{b}'))).toMatchObject({ admitted: false });
    expect(decide(take('b:{b}', 8))).toMatchObject([{ admitted: true }]);
  });
});

describe('a lease ends', () => {
  it('where nobody asks any more: it is returned within half of its time', async () => {
    const { calls, clock, warmUp, record } = bench();
    await warmUp();
    await clock.move(500);
    await clock.move(500);
    expect(calls.at(-1)).toBe('return');
    expect(record()!.holds).toBeUndefined();
  });

  it('at its time, whatever is left', async () => {
    const { calls, clock, decide, take, warmUp } = bench();
    await warmUp();
    clock.alarms = [];
    await clock.move(979);
    expect(decide(take())).toMatchObject([{ admitted: true }]);
    await clock.move(2);
    expect(decide(take())).toBeInstanceOf(Promise);
    expect(calls).toHaveLength(2);
  });

  it('at a shutdown, and none begins after it', async () => {
    const { calls, store, warmUp } = bench();
    await warmUp();
    await store.close();
    expect(calls.at(-1)).toBe('return');
    await warmUp();
    expect(calls.slice(3)).toEqual(['decide', 'decide']);
  });

  it('before its bucket is blocked or reset, and when the store says that it is blocked', async () => {
    const { calls, clock, decided, store, take, warmUp, record } = bench();
    await warmUp();
    const said = { scale: hundred.scale, missing: undefined, mark: undefined, lowers: true };
    await store.report('b:{a}', { ...said, block: 60_000_000 });
    expect(calls.at(-1)).toBe('return');
    expect(await decided(take())).toMatchObject({ admitted: false });
    await clock.move(60_000);
    await warmUp();
    await store.reset('b:{a}');
    expect(record()).toBeUndefined();
  });
});

describe('a refund', () => {
  it('gives back what was spent and not told, whole, and else goes to the store', async () => {
    const { calls, decide, decided, store, take, warmUp } = bench();
    await warmUp();
    decide(take('b:{a}', 3));
    expect(await store.refund('b:{a}', 3)).toBe(true);
    expect(decide(take('b:{a}', 9))).toMatchObject([{ admitted: true }]);
    expect(calls).toEqual(['decide', 'lease']);
    // What is told meanwhile is in the level.
    await decided(take());
    expect(await store.refund('b:{a}', 9)).toBe(true);
  });
});

it('asks for no lease for a while after a failure', async () => {
  const { clock, decided, store, take, warmUp } = bench();
  await warmUp();
  let asked = 0;
  const lost = () => {
    asked++;
    return Promise.reject(new Error('no reply'));
  };
  (store as unknown as { store: { lease: unknown } }).store.lease = lost;
  expect(await decided(take('b:{a}', 20))).toMatchObject({ admitted: true });
  for (let i = 0; i < 9; i++) expect(await decided(take())).toMatchObject({ admitted: true });
  expect(asked).toBe(1);
  await clock.move(300);
  await warmUp();
  expect(asked).toBe(2);
});
