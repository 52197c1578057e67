import { expect, it } from '@jest/globals';
import { algorithms } from '../../lib/algorithms/index.js';
import type { Take } from '../../lib/algorithms/kernel.js';
import type { Limit } from '../../lib/algorithms/limit.js';
import { readLevel } from '../../lib/algorithms/reading.js';
import type { Mark } from '../../lib/algorithms/record.js';
import { leakyBucket, tokenBucket } from '../../lib/options/make-policy.js';
import type { Store, Transaction, TransactionReply } from '../../lib/stores/store.interface.js';
import { KernelStore } from '../../lib/testing/kernel.store.js';
import { effort } from '../support/effort.js';
import { ManualClock } from '../support/manual-clock.js';
import { Random } from '../support/oracle/scenario.js';
import { useStores } from '../support/stores.js';

const START = Date.UTC(2100, 0) * 1000;
const SECOND = 1_000_000;
const stores = useStores();

/** All of them read one bucket: other capacities, rates and scales, near the end of what can be counted, and shaping. */
const limits = [
  tokenBucket({ capacity: 10, rate: '1/s' }),
  tokenBucket({ capacity: 20, rate: '7/s' }),
  tokenBucket({ capacity: 10, rate: '3/s' }),
  tokenBucket({ capacity: 1_000_000, rate: '999983/day' }),
  tokenBucket({ capacity: 100, rate: '100000/s' }),
  // Half of this one is more ticks under the next than can be counted.
  tokenBucket({ capacity: 1_000_000, rate: '1000000/h' }),
  tokenBucket({ capacity: 100, rate: '7/day' }),
  leakyBucket({ capacity: 10, rate: '1/s' }),
].map(({ limit }) => limit!);

const IDS = Array.from({ length: 20 }, (_, i) => `lease-${i}`);

/** The calls of a run, made of what the kernel has answered before. */
class Calls {
  private readonly totals = new Map<string, number>();
  private marks: (Mark | undefined)[] = [undefined];
  private changes: TransactionReply['changes'] = [];

  constructor(
    private readonly random: Random,
    private readonly usual: Limit,
    private readonly ids: readonly string[],
  ) {}

  next(): (store: Store) => unknown {
    const { random } = this;
    const [key, kind] = [`b:{${random.below(2)}}`, random.below(20)];
    const limit = random.chance(0.85) ? this.usual : random.pick(limits);
    if (kind < 8) return this.lease(key, limit);
    if (kind < 14) return this.decide(limit);
    const report = {
      scale: limit.scale,
      missing: random.chance(0.7) ? random.below(12) : undefined,
      mark: random.pick(this.marks),
      lowers: random.chance(0.8),
      block: random.pick([0, 0, 0, random.below(2 * SECOND)]),
    };
    if (kind === 14) return (store) => store.report(key, report);
    const tokens = 1 + random.below(3);
    if (kind === 15) return async (store) => void (await store.refund(key, tokens));
    if (kind === 16 && random.chance(0.3)) return async (store) => void (await store.reset(key));
    if (kind === 17) return (store) => store.unblock(key);
    const { changes } = this;
    return (store) => store.undo(changes);
  }

  learn(answer: unknown): void {
    if (!Array.isArray(answer)) return;
    const replies = answer as TransactionReply[];
    this.changes = replies.flatMap(({ changes }) => changes);
    this.marks = [undefined, ...replies.flatMap(({ marks }) => marks)];
  }

  private spent(id: string): { id: string; total: number } {
    const before = this.totals.get(id) ?? this.random.below(5);
    // Now and then one that was overtaken, and one that claims more than it ever held.
    const total = Math.max(0, before + this.random.pick([0, 0, 1, 1, 2, 5, -1, this.random.below(40)]));
    this.totals.set(id, Math.max(total, before));
    return { id, total };
  }

  private lease(key: string, limit: Limit): (store: Store) => unknown {
    const { random } = this;
    const ttlMicros = random.pick([1, 100_000, SECOND, 3 * SECOND]);
    const many = random.pick([3, 10, 1000, 800_000]);
    const wanted = random.pick([0, 1, 2, many]);
    const { scale, capacity } = limit;
    const returns = random.chance(0.1);
    const request = { ...this.spent(random.pick(this.ids)), wanted, ttlMicros, scale, capacity, returns };
    return (store) => store.lease!(key, request);
  }

  private decide(limit: Limit): (store: Store) => unknown {
    const { random } = this;
    const keys = random.chance(0.3) ? ['b:{0}', 'b:{1}'] : [`b:{${random.below(2)}}`];
    const takes = keys.map((key): Take => {
      const patience = random.chance(0.15) ? {} : undefined;
      const cost = random.chance(0.25) ? Math.ceil(limit.capacity * 0.7) : random.below(6);
      const take = algorithms[limit.algorithm](limit, key, cost, patience);
      return random.chance(0.3) ? { ...take, returns: this.spent(random.pick(this.ids)) } : take;
    });
    const pick = random.chance(0.1) ? {} : undefined;
    const transaction: Transaction = {
      takes,
      pick,
      revocable: true,
      peek: random.chance(0.1),
      counted: random.chance(0.3),
    };
    const transactions = random.chance(0.2) ? [transaction, transaction] : [transaction];
    return (store) => store.decide(transactions);
  }
}

/** Without what differs: when it was, and where. */
const plain = (reply: unknown): unknown =>
  JSON.parse(
    JSON.stringify(reply ?? null, (name, value) =>
      HIDDEN.has(name) ? undefined : typeof value === 'bigint' ? `${value}` : value,
    ),
  );
const HIDDEN = new Set(['decidedAt', 'source', 'marks']);

it('kernel and Redis agree on every answer and every record, whatever is held', async () => {
  const seen = { leased: 0, held: 0, expired: 0, refused: 0, wide: 0 };
  for (let seed = 1; seed <= effort(40, 400); seed++) {
    const random = new Random(seed);
    const [steps, most] = [seed % 2 === 0, random.pick([2, 5, IDS.length])];
    const clock = new ManualClock(START);
    const kernel = new KernelStore(clock.read);
    const redis = stores.make('Redis', clock);
    const calls = new Calls(random, limits[seed % limits.length]!, IDS.slice(0, most));
    for (let i = 0; i < 100; i++) {
      clock.now += random.pick([0, 0, 1, 1000, random.below(SECOND), random.below(3 * SECOND)]);
      if (steps && random.chance(0.05)) clock.now -= random.below(2 * SECOND);
      const [before] = await kernel.inspect(['b:{0}']);
      const call = calls.next();
      const [ours, theirs] = [await call(kernel), await call(redis)];
      const place = `seed ${seed}, call ${i}`;
      expect({ place, answer: plain(theirs) }).toEqual({ place, answer: plain(ours) });
      const keys = ['b:{0}', 'b:{1}'];
      const [here, there] = [await kernel.inspect(keys), await redis.inspect(keys)];
      expect({ place, records: there.map(({ record }) => record) }).toEqual({
        place,
        records: here.map(({ record }) => record),
      });
      calls.learn(ours);
      const holds = here[0]?.record?.holds ?? [];
      if (typeof ours === 'object' && ours !== null && 'total' in ours) seen.leased++;
      if (holds.length > 0) seen.held++;
      if ((before?.record?.holds?.length ?? 0) > holds.length) seen.expired++;
      if (Array.isArray(ours)) {
        for (const { admitted, found } of ours as TransactionReply[]) {
          if (!admitted && found.some(({ leased }) => leased !== undefined)) seen.refused++;
          if (found.some(({ level, leased }) => leased && typeof level === 'bigint')) seen.wide++;
        }
      }
    }
  }
  expect(Object.values(seen).filter((count) => count === 0)).toEqual([]);
});

it('who waits as long as it is told, alone, is admitted, and a millisecond sooner is not', async () => {
  let [told, checked] = [0, 0];
  for (let seed = 1; seed <= effort(300, 3000); seed++) {
    const random = new Random(seed);
    const clock = new ManualClock(START);
    const limit = limits[seed % 8]!;
    if (limit.shapes) continue;
    const other = random.chance(0.3) ? limits[random.below(8)]! : limit;
    const ask = (cost: number) => algorithms[limit.algorithm](limit, 'b:{0}', cost);
    const make = async () => {
      clock.now = START;
      const [kernel, draw] = [new KernelStore(clock.read), new Random(seed)];
      for (let i = 0; i < 6; i++) {
        clock.now += draw.below(SECOND);
        const [id, wanted] = [`lease-${draw.below(4)}`, 1 + draw.below(6)];
        const { scale, capacity } = other;
        const ttlMicros = 1 + draw.below(4 * SECOND);
        const total = draw.below(3);
        await kernel.lease('b:{0}', { id, total, wanted, ttlMicros, scale, capacity, returns: false });
        await kernel.decide([{ takes: [algorithms[other.algorithm](other, 'b:{0}', draw.below(4))] }]);
      }
      return kernel;
    };
    const kernel = await make();
    const take = ask(1 + random.below(Math.min(limit.capacity, 10)));
    const [reply] = await kernel.decide([{ takes: [take], peek: true }]);
    if (reply!.admitted || reply!.found[0]!.leased === undefined) continue;
    told++;
    const share = { charged: false, wait: 0, margin: 0 };
    const { retryAfterMs, remaining } = readLevel(limit, take, reply!.found[0]!, share);
    expect(remaining).toBeLessThan(take.cost);
    clock.now += retryAfterMs! * 1000;
    expect((await kernel.decide([{ takes: [take], peek: true }]))[0]!.admitted).toBe(true);
    if (other !== limit) continue;
    checked++;
    clock.now -= 1000;
    const again = await make();
    clock.now += retryAfterMs! * 1000 - 1000 - 1;
    expect((await again.decide([{ takes: [take], peek: true }]))[0]!.admitted).toBe(false);
  }
  expect(Math.min(told, checked)).toBeGreaterThan(50);
});
