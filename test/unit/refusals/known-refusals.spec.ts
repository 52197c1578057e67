import { beforeEach, describe, expect, it } from '@jest/globals';
import { algorithms } from '../../../lib/algorithms/index.js';
import type { Take } from '../../../lib/algorithms/kernel.js';
import type { Found } from '../../../lib/algorithms/level.js';
import type { Limit } from '../../../lib/algorithms/limit.js';
import { tokenBucket } from '../../../lib/options/make-policy.js';
import { KnownRefusals } from '../../../lib/refusals/known-refusals.js';
import { MemoryStore } from '../../../lib/stores/memory/memory.store.js';
import type { Transaction, TransactionReply } from '../../../lib/stores/store.interface.js';
import { Random } from '../../../lib/testing/contract/random.js';

const limitOf = (options: { capacity: number; rate: number | string }): Limit =>
  tokenBucket(options as never).limit as Limit;
const ten = limitOf({ capacity: 10, rate: 10 });
const take = (key: string, cost = 1, limit = ten): Take => algorithms['token-bucket'](limit, key, cost);

const EPOCH = 1e15;
/** In milliseconds of this process; the store's clock shows `EPOCH` when it begins. */
let now: number;
let store: MemoryStore;
let known: KnownRefusals;

/** Asks the store: the reply is decided at once, and known to be decided a moment later. */
function ask(transaction: Transaction, sent = now, decidedAt = now): TransactionReply {
  const [decided] = store.decide([transaction]) as [TransactionReply];
  const reply = { ...decided, source: 'redis' as const, decidedAt };
  known.learn(transaction, reply, sent);
  return reply;
}

const of = (...takes: Take[]): Transaction => ({ takes });
const drain = (key: string) => ask(of(take(key, 10)));

beforeEach(() => {
  now = 5_000;
  store = new MemoryStore({ maxKeys: 1000, clock: () => EPOCH + Math.round(now * 1000) });
  known = new KnownRefusals({ maxAgeMs: 1000, maxKeys: 100 });
});

describe('what was refused', () => {
  it('is refused here until the store may admit it, by the time since the call was sent', () => {
    drain('a');
    ask(of(take('a')));
    now += 99;
    expect(known.refusalOf(of(take('a')), now)).toMatchObject({
      admitted: false,
      source: 'redis',
      charged: [],
    });
    now += 1;
    expect(known.refusalOf(of(take('a')), now)).toBeUndefined();
  });

  it('is asked again as early as a clock that runs faster there may admit it', () => {
    known = new KnownRefusals({ maxAgeMs: 60_000, maxKeys: 100 });
    const slow = limitOf({ capacity: 1, rate: '1/10s' });
    ask(of(take('a', 1, slow)));
    ask(of(take('a', 1, slow)));
    now += 9_994;
    expect(known.refusalOf(of(take('a', 1, slow)), now)).toBeDefined();
    now += 2;
    expect(known.refusalOf(of(take('a', 1, slow)), now)).toBeUndefined();
  });

  it('is refused for no less than it costs: a cheaper take may be admitted', () => {
    ask(of(take('a', 5)));
    ask(of(take('a', 8)));
    expect(known.refusalOf(of(take('a', 8)), now)).toBeDefined();
    expect(known.refusalOf(of(take('a', 9)), now)).toBeDefined();
    expect(known.refusalOf(of(take('a', 5)), now)).toBeUndefined();
  });

  it('is believed no longer than it may be', () => {
    const day = limitOf({ capacity: 1, rate: '1/day' });
    ask(of(take('a', 1, day)));
    ask(of(take('a', 1, day)));
    now += 999;
    expect(known.refusalOf(of(take('a', 1, day)), now)).toBeDefined();
    now += 1;
    expect(known.refusalOf(of(take('a', 1, day)), now)).toBeUndefined();
  });

  it('counts its age from when it was asked for', () => {
    const day = limitOf({ capacity: 1, rate: '1/day' });
    ask(of(take('a', 1, day)));
    ask(of(take('a', 1, day)), now - 400);
    now += 600;
    expect(known.refusalOf(of(take('a', 1, day)), now)).toBeUndefined();
  });

  it('is asked again under a limit of another rate, and under a larger capacity', () => {
    drain('a');
    ask(of(take('a')));
    expect(known.refusalOf(of(take('a', 1, limitOf({ capacity: 10, rate: 1 }))), now)).toBeUndefined();
    expect(known.refusalOf(of(take('a', 1, limitOf({ capacity: 11, rate: 10 }))), now)).toBeUndefined();
    expect(known.refusalOf(of(take('a', 1, limitOf({ capacity: 9, rate: 10 }))), now)).toBeDefined();
  });

  it('is asked again where the bucket was written at a faster rate, by which it falls until it is written again', () => {
    const [fast, slow] = [9, 1].map((tokens) => limitOf({ capacity: 10, rate: `${tokens}/s` })) as [
      Limit,
      Limit,
    ];
    expect(fast.scale.ticksPerToken).toBe(slow.scale.ticksPerToken);
    ask(of(take('a', 10, fast)));
    ask(of(take('a', 1, slow)));
    now += 500;
    expect(known.refusalOf(of(take('a', 1, slow)), now)).toBeUndefined();
    expect(ask(of(take('a', 1, slow))).admitted).toBe(true);
  });

  it('is forgotten when it is admitted, or told to be', () => {
    drain('a');
    ask(of(take('a')));
    store.refund('a', 2);
    ask(of(take('a')));
    expect(known.size).toBe(0);
    drain('b');
    ask(of(take('b')));
    known.forget('b');
    expect(known.refusalOf(of(take('b')), now)).toBeUndefined();
  });

  it('is no refusal of the store where this process has decided', () => {
    drain('a');
    const transaction = of(take('a'));
    const [reply] = store.decide([transaction]) as [TransactionReply];
    known.learn(transaction, { ...reply, instead: [{ take: take('a'), source: 'memory' }] }, now);
    expect(known.size).toBe(0);
  });

  it('keeps neither who looks nor who picks from asking', () => {
    drain('a');
    ask(of(take('a')));
    expect(known.refusalOf({ takes: [take('a')], peek: true }, now)).toBeUndefined();
    expect(known.refusalOf({ takes: [take('a')], pick: {} }, now)).toBeUndefined();
  });

  it('is asked again where somebody holds tokens that may come back, and where a lease is returned', () => {
    drain('a');
    ask(of(take('a')));
    expect(known.refusalOf(of({ ...take('a'), returns: { id: 'mine', total: 1 } }), now)).toBeUndefined();
    const [reply] = store.decide([of(take('a'))]) as [TransactionReply];
    const leased = { level: 0, at: 0, ...ten.scale, holds: [{ id: 'b', held: 10, settled: 0, expires: 1 }] };
    known.learn(of(take('a')), { ...reply, found: [{ ...(reply.found[0] as Found), leased }] }, now);
    expect(known.refusalOf(of(take('a')), now)).toBeUndefined();
  });

  it('holds behind a block until its end', () => {
    const asking = take('p:{a}');
    store.report(asking.key, {
      scale: ten.scale,
      missing: undefined,
      mark: undefined,
      lowers: false,
      block: 300_000,
    });
    drain(asking.key);
    now += 299;
    expect(known.refusalOf(of(asking), now)?.found[0]?.block).toBeLessThanOrEqual(2000);
    // A level does not say it.
    expect(
      known.find({ ...asking, policy: 'p' }, 'a', now)?.levelFor({ allowance: -1 }, now),
    ).toBeUndefined();
    now += 1;
    expect(known.refusalOf(of(asking), now)).toBeUndefined();
  });
});

describe('a stack', () => {
  it('is refused where one of its buckets is known to, and all are known', () => {
    drain('a');
    ask(of(take('a'), take('b', 3)));
    const again = known.refusalOf(of(take('b', 3), take('a')), now);
    expect(again?.found.map(({ level }) => Number(level) / ten.scale.ticksPerToken)).toEqual([0, 10]);
    expect(known.refusalOf(of(take('a'), take('c')), now)).toBeUndefined();
    expect(known.refusalOf(of(take('b')), now)).toBeUndefined();
  });
});

describe('the refusals that are known', () => {
  const refuse = (key: string) => {
    drain(key);
    ask(of(take(key)));
  };

  it('are so many at most: the first goes', () => {
    for (let i = 0; i <= 100; i++) refuse(`k${i}`);
    expect(known.size).toBe(100);
    expect(known.refusalOf(of(take('k0')), now)).toBeUndefined();
    expect(known.refusalOf(of(take('k1')), now)).toBeDefined();
  });

  it('are swept when their time is over', () => {
    for (let i = 0; i < 50; i++) refuse(`k${i}`);
    now += 1000;
    for (let i = 0; i < 25; i++) refuse(`n${i}`);
    expect(known.size).toBe(25);
  });
});

describe('in a thousand random histories, with delays and clocks that drift apart', () => {
  /** How fast the store's clock runs beside ours. */
  const RATES = [1, 1.0004, 0.9996];

  it.each(RATES)('the store would refuse as well, and whoever waits as told is admitted (× %d)', (pace) => {
    let refusals = 0;
    const wrong: number[] = [];
    for (let seed = 1; seed <= 1000; seed++) {
      const random = new Random(seed);
      const between = (least: number, most: number) => least + random.below(most - least + 1);
      const limit = limitOf({
        capacity: between(1, 20),
        rate: `${between(1, 50)}/${between(1, 5)}s`,
      });
      const [start, offset] = [between(0, 1e6), between(0, 1e9)];
      let local = start;
      const server = () => EPOCH + offset + Math.floor((local - start) * 1000 * pace);
      const truth = new MemoryStore({ maxKeys: 10, clock: server });
      const cache = new KnownRefusals({ maxAgeMs: 1000, maxKeys: 10 });
      for (let step = 0; step < 30; step++) {
        local += between(0, 200_000) / 1000;
        const transaction = of(take('p:{a}', between(1, limit.capacity), limit));
        const here = cache.refusalOf(transaction, local);
        // The short way says the same.
        const [asking] = transaction.takes as [Take];
        const level = cache.find({ ...asking, policy: 'p' }, 'a', local)?.levelFor(asking, local);
        if (level !== here?.found[0]?.level) wrong.push(seed);
        if (here === undefined) {
          const sent = local;
          // Nothing in between shows what a clock that runs faster does.
          local += random.chance(50) ? 0 : between(0, 20_000) / 1000;
          const [reply] = truth.decide([transaction]) as [TransactionReply];
          const decidedAt = local + between(0, 3_000) / 1000;
          local = decidedAt + between(0, 5_000) / 1000;
          cache.learn(transaction, { ...reply, source: 'redis', decidedAt }, sent);
          continue;
        }
        refusals++;
        const [asked] = truth.decide([{ ...transaction, peek: true }]) as [TransactionReply];
        if (asked.admitted || Number(here.found[0]?.level) < Number(asked.found[0]?.level)) wrong.push(seed);
      }
    }
    expect(wrong).toEqual([]);
    expect(refusals).toBeGreaterThan(1000);
  });
});
