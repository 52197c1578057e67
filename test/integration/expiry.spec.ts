import { beforeEach, describe, expect, it } from '@jest/globals';
import { algorithms } from '../../lib/algorithms/index.js';
import type { Change, Take } from '../../lib/algorithms/kernel.js';
import type { Limit } from '../../lib/algorithms/limit.js';
import type { BucketRecord } from '../../lib/algorithms/record.js';
import { newReservationId } from '../../lib/limiter/reservation.js';
import { leakyBucket, tokenBucket } from '../../lib/options/make-policy.js';
import { parseRecord, recordText } from '../../lib/stores/redis/record-text.js';
import { RedisStore } from '../../lib/stores/redis/redis.store.js';
import type { Transaction } from '../../lib/stores/store.interface.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import { ManualClock } from '../support/manual-clock.js';
import { Random } from '../support/oracle/scenario.js';
import { useStores } from '../support/stores.js';

const START = Date.UTC(2100, 0) * 1000;
const SECOND = 1_000_000;
const KEYS = ['a', 'b', 'c', 'd', 'e'].map((name) => `b:{${name}}`);
const STEPS = 500;

const stores = useStores();
let admin: ReturnType<typeof stores.admin>;
let clock: ManualClock;
let prefix: string;
let store: RedisStore;

beforeEach(() => {
  admin = stores.admin();
  clock = new ManualClock(START);
  prefix = freshPrefix('expiry');
  store = new RedisStore(stores.client(), { prefix, clock: clock.read });
});

const limitOf = (capacity: number, rate: string) => tokenBucket({ capacity, rate }).limit!;

/** The expiry that a record stands for, in milliseconds, in integers that have no bound. */
function expiryOf({
  level,
  at,
  ticksPerMicro,
  ticksPerToken,
  blocked = 0,
  holds = [],
}: BucketRecord): number {
  const n = BigInt(ticksPerMicro);
  let [left, time] = [BigInt(level), BigInt(at)];
  for (const { held, expires } of holds) {
    const drained = n * (BigInt(expires) - time);
    left = (left > drained ? left - drained : 0n) + BigInt(held) * BigInt(ticksPerToken);
    time = BigInt(expires);
  }
  const full = time + (left + n - 1n) / n;
  const ends = full > BigInt(blocked) ? full : BigInt(blocked);
  let grid = 1n << 20n;
  while (16n * grid <= ends - BigInt(at)) grid *= 2n;
  const onGrid = ((ends + grid - 1n) / grid) * grid;
  return Number((onGrid + 999n) / 1000n) + 1;
}

/** What is stored of a bucket, and the expiry of its key; 0 where there is none. */
async function stored(key: string): Promise<{ text: string; expiry: number }> {
  const [text, expiry] = await Promise.all([
    admin.get(`${prefix}:${key}`),
    admin.pexpiretime(`${prefix}:${key}`),
  ]);
  return text === null ? { text: '', expiry: 0 } : { text, expiry };
}

async function expectExpiries(what: string): Promise<void> {
  for (const key of KEYS) {
    const { text, expiry } = await stored(key);
    const record = parseRecord(text);
    const expected = record === undefined ? 0 : expiryOf(record);
    expect({ what, text, expiry }).toEqual({
      what,
      text: record ? recordText(record) : '',
      expiry: expected,
    });
  }
}

async function commands(): Promise<Record<string, number>> {
  const stats = await admin.info('commandstats');
  return Object.fromEntries(
    [...stats.matchAll(/cmdstat_(\w+):calls=(\d+)/g)].map(([, name, calls]) => [name, Number(calls)]),
  );
}

const limits = [
  limitOf(50, '10/s'),
  limitOf(1000, '7/s'),
  limitOf(10_000, '100/min'),
  limitOf(1_000_000, '999983/day'),
  leakyBucket({ capacity: 100, rate: '3/min' }).limit!,
];

/** Random calls of all kinds. */
class Calls {
  private readonly reserved: { key: string; id: string }[] = [];
  private readonly leased: { key: string; id: string }[] = [];
  private changes: readonly Change[] = [];

  constructor(private readonly random: Random) {}

  private readonly kinds: Record<string, () => unknown> = {
    plain: () => store.decide(Array.from({ length: 1 + this.random.below(6) }, () => this.takes())),
    one: () => store.decide([{ takes: [this.take()] }]),
    counted: () => store.decide([{ ...this.takes(), counted: true }]),
    waiting: async () => {
      const [reply] = await store.decide([{ takes: [this.take(this.key(), {})], revocable: true }]);
      this.changes = reply?.changes ?? [];
    },
    undo: () => store.undo(this.changes),
    reserve: () => {
      const reservation = { key: this.key(), id: newReservationId() };
      this.reserved.push(reservation);
      const take = this.take(reservation.key);
      return store.decide([
        { takes: [{ ...take, reserve: { id: reservation.id, ttlMicros: 600 * SECOND } }] },
      ]);
    },
    settle: () => {
      const { key, id } = this.reserved.shift() ?? { key: this.key(), id: 'none' };
      const cost = this.random.below(10);
      return store.settle(key, { id, cost, maxDebt: 5, lowers: true });
    },
    refund: () => store.refund(this.key(), 1 + this.random.below(5)),
    report: () => {
      const [missing, block] = [
        this.random.below(30),
        this.random.pick([0, SECOND, Number.MAX_SAFE_INTEGER]),
      ];
      const { scale } = this.random.pick(limits);
      return store.report(this.key(), { scale, missing, mark: undefined, lowers: true, block });
    },
    unblock: () => store.unblock(this.key()),
    lease: () => {
      const lease = { key: this.key(), id: `lease-${this.random.below(5)}` };
      this.leased.push(lease);
      const { scale, capacity } = this.random.pick(limits);
      const ttlMicros = this.random.spread(30 * SECOND);
      return store.lease(lease.key, { id: lease.id, total: 0, wanted: 3, ttlMicros, scale, capacity });
    },
    end: () => {
      const { key, id } = this.leased.shift() ?? { key: this.key(), id: 'none' };
      return store.decide([{ takes: [{ ...this.take(key), returns: { id, total: 2 } }] }]);
    },
    reset: () => store.reset(this.key()),
    back: () => {
      clock.now -= this.random.spread(20 * SECOND);
    },
  };

  async next(): Promise<string> {
    // Mostly as buckets live: taken from, at a distance.
    const name = this.random.chance(0.5)
      ? this.random.pick(['plain', 'one'])
      : this.random.pick(Object.keys(this.kinds));
    clock.now += this.random.spread(5 * SECOND) - 1;
    await this.kinds[name]?.();
    return name;
  }

  private key(): string {
    return this.random.pick(KEYS);
  }

  private take(key = this.key(), patience?: object): Take {
    return algorithms['token-bucket'](this.usual(key), key, this.random.below(4), patience);
  }

  private takes(): Transaction {
    const some = KEYS.filter(() => this.random.chance(0.3));
    return { takes: (some.length > 0 ? some : [this.key()]).map((key) => this.take(key)) };
  }

  /** A limit of the bucket's own, seldom another. */
  private usual(key: string): Limit {
    return this.random.chance(0.95) ? limits[KEYS.indexOf(key)]! : this.random.pick(limits);
  }
}

describe('the expiry of a key', () => {
  it('is what its record says, whoever has written it', async () => {
    const before = await commands();
    for (const seed of [1, 2, 3]) {
      const calls = new Calls(new Random(seed));
      for (let i = 0; i < STEPS; i++) await expectExpiries(`${seed}, ${i}: ${await calls.next()}`);
    }
    // The run is worth its time only if both ways to write were gone.
    const after = await commands();
    expect(after.setrange! - (before.setrange ?? 0)).toBeGreaterThan(200);
    expect(after.set! - (before.set ?? 0)).toBeGreaterThan(200);
  });

  it.each(['1/250ms', '10/s', '3/min', '1/day', '1/30d', '1/3s'])(
    'lies behind the time when the bucket is full, by a second or an eighth at most, at %s',
    async (rate) => {
      const limit = limitOf(1000, rate);
      for (const cost of [1, 7, 100, 600]) {
        await store.decide([{ takes: [algorithms['token-bucket'](limit, 'b:{a}', cost)] }]);
        const { level, at, ticksPerMicro } = parseRecord((await stored('b:{a}')).text)!;
        const full = level / ticksPerMicro;
        const left = (await stored('b:{a}')).expiry * 1000 - at;
        expect(left).toBeGreaterThan(full);
        expect(left).toBeLessThanOrEqual(full + Math.max(full / 8, 1_048_576) + 2000);
      }
    },
  );
});

describe('a take from a plain bucket', () => {
  const limit = limitOf(1000, '100/s');
  const take = (cost = 1, of = limit, key = 'b:{a}') => algorithms['token-bucket'](of, key, cost);

  /** The commands of a kind that a call has sent. */
  async function sent(call: () => unknown): Promise<{ set: number; setrange: number }> {
    const before = await commands();
    await call();
    const after = await commands();
    const difference = (name: string) => (after[name] ?? 0) - (before[name] ?? 0);
    return { set: difference('set'), setrange: difference('setrange') };
  }

  it.each<[string, Transaction[]]>([
    ['alone', [{ takes: [take()] }]],
    ['repeated', [{ takes: [take()] }, { takes: [take()] }]],
    ['beside another', [{ takes: [take(), take(1, limit, 'b:{b}')] }]],
  ])('%s writes the level and its time only, while the expiry stays', async (_, transactions) => {
    await store.decide([{ takes: [take(20), take(20, limit, 'b:{b}')] }]);
    clock.now += 1000;
    const buckets = new Set(transactions.flatMap(({ takes }) => takes.map(({ key }) => key))).size;
    expect(await sent(() => store.decide(transactions))).toEqual({ set: 0, setrange: buckets });
    await expectExpiries('a take');
    clock.now += 1000;
    // Another second begins.
    expect(await sent(() => store.decide([{ takes: [take(300)] }]))).toEqual({ set: 1, setrange: 0 });
    await expectExpiries('a larger one');
  });

  it('writes a record anew where that has another length', async () => {
    await store.decide([{ takes: [take(1)] }]);
    // P is 10,000: from five digits to six, and back.
    expect(await sent(() => store.decide([{ takes: [take(10)] }]))).toEqual({ set: 1, setrange: 0 });
    clock.now += 105_000;
    expect(await sent(() => store.decide([{ takes: [take(1)] }]))).toEqual({ set: 1, setrange: 0 });
    await expectExpiries('both');
  });

  it('writes a record anew where that says more', async () => {
    await store.decide([{ takes: [take(20)], counted: true }]);
    expect(await sent(() => store.decide([{ takes: [take()] }]))).toEqual({ set: 1, setrange: 0 });
    expect((await stored('b:{a}')).text).toMatch(/ s\d+ 21 0$/);
  });
});
