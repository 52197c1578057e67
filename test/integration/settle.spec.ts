import { beforeEach, describe, expect, it } from '@jest/globals';
import { leakyBucket, type RateLimiterService, type Reservation, tokenBucket } from '../../lib/index.js';
import { MemoryStore } from '../../lib/stores/memory/memory.store.js';
import { RedisStore } from '../../lib/stores/redis/redis.store.js';
import type { Store } from '../../lib/stores/store.interface.js';
import { eventually } from '../support/eventually.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import { ManualClock } from '../support/manual-clock.js';
import { Random } from '../support/oracle/scenario.js';
import { serviceOn } from '../support/service.js';
import { useStores } from '../support/stores.js';

const START = Date.UTC(2100, 0) * 1000;
const SECOND = 1_000_000;
const stores = useStores();

let clock: ManualClock;
let prefix: string;

beforeEach(() => {
  clock = new ManualClock(START);
  prefix = freshPrefix('settle');
});

const redisStore = () => new RedisStore(stores.client(), { prefix, clock: clock.read });

/** Two processes on the same buckets; in memory they can only be one. */
function twoProcesses(name: string): [RateLimiterService, RateLimiterService] {
  const memory = new MemoryStore({ maxKeys: 100_000, clock: clock.read });
  const [first, second] = [0, 1].map((): Store => (name === 'memory' ? memory : redisStore()));
  return [serviceOn(first!).service, serviceOn(second!).service];
}

const remaining = async (service: RateLimiterService, policy: Parameters<RateLimiterService['peek']>[0]) =>
  (await service.peek(policy, 'ada', { cost: 0 })).remaining;

describe.each(stores.names)('on %s', (name) => {
  it('10,000 at once: the sum charged is that of the actual costs of the settled and of the estimates of the rest', async () => {
    const capacity = 300_000;
    const tokens = tokenBucket({ name: 'tokens', capacity, rate: '1/h', maxDebt: 0 });
    const [first, second] = twoProcesses(name);
    // Both know the policy by its name.
    await second.peek(tokens, 'ada');
    const random = new Random(7);
    const requests = Array.from({ length: 10_000 }, (_, i) => ({
      estimate: random.below(20),
      actual: random.below(30),
      settled: i % 10 < 8,
      twice: i % 10 === 0,
    }));
    const settleOne = async ({ estimate, actual, settled, twice }: (typeof requests)[number]) => {
      const reservation = await first.reserve(tokens, 'ada', { cost: estimate });
      expect(reservation.allowed).toBe(true);
      if (!settled) return estimate;
      const copy = JSON.parse(JSON.stringify(reservation)) as Reservation;
      const settlements = await Promise.all([
        first.settle(reservation, actual),
        ...(twice ? [second.settle(copy, actual), first.settle(copy, 0)] : []),
      ]);
      const counted = settlements.filter((settlement) => settlement.settled);
      expect(counted).toEqual([{ settled: true, charged: actual - estimate }]);
      return actual;
    };
    const charged = await Promise.all(requests.map(settleOne));
    expect(await remaining(second, tokens)).toBe(capacity - charged.reduce((sum, cost) => sum + cost, 0));
  }, 60_000);

  it('a reservation is settled once, in any process, as a plain object', async () => {
    const tokens = tokenBucket({ name: 'tokens', capacity: 10, rate: '1/h' });
    const [first, second] = twoProcesses(name);
    await second.peek(tokens, 'ada');
    const reservation = await first.reserve(tokens, 'ada', { cost: 8 });
    expect(reservation).toEqual({
      allowed: true,
      decision: expect.objectContaining({ allowed: true, remaining: 2 }),
      policy: 'tokens',
      key: 'ada',
      cost: 8,
      id: expect.stringMatching(/^[\w-]{16}$/),
    });
    const { policy, key, id } = JSON.parse(JSON.stringify(reservation)) as Reservation;
    expect(await second.settle({ policy, key, id }, 3)).toEqual({ settled: true, charged: -5 });
    expect(await first.settle(reservation, 0)).toEqual({ settled: false, charged: 0 });
    expect(await remaining(first, tokens)).toBe(7);
  });

  it('a refused reservation takes nothing, and there is nothing to settle', async () => {
    const tokens = tokenBucket({ name: 'tokens', capacity: 10, rate: '1/h' });
    const [service] = twoProcesses(name);
    const refused = await service.reserve(tokens, 'ada', { cost: 11 });
    expect(refused).toMatchObject({ allowed: false, id: undefined, decision: { retryAfterMs: null } });
    const copy = JSON.parse(JSON.stringify(refused)) as Reservation;
    expect(await service.settle(copy, 5)).toEqual({ settled: false, charged: 0 });
    expect(await remaining(service, tokens)).toBe(10);
  });

  it('an estimate of 0 takes nothing, and is charged when it is settled', async () => {
    const tokens = tokenBucket({ name: 'tokens', capacity: 10, rate: '1/h' });
    const [service] = twoProcesses(name);
    const reservation = await service.reserve(tokens, 'ada', { cost: 0 });
    expect(await remaining(service, tokens)).toBe(10);
    expect(await service.settle(reservation, 4)).toEqual({ settled: true, charged: 4 });
    expect(await remaining(service, tokens)).toBe(6);
  });

  it.each([
    [undefined, 12, 20],
    [5, 7, 15],
    [0, 2, 10],
  ])('a debt goes as far as maxDebt says: %p', async (maxDebt, charged, level) => {
    const tokens = tokenBucket({
      name: 'tokens',
      capacity: 10,
      rate: '1/s',
      ...(maxDebt === undefined ? {} : { maxDebt }),
    });
    const [service] = twoProcesses(name);
    const reservation = await service.reserve(tokens, 'ada', { cost: 8 });
    expect(await service.settle(reservation, 1000)).toEqual({ settled: true, charged });
    const refused = await service.consume(tokens, 'ada');
    expect(refused).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: (level - 9) * 1000 });
    clock.now += (level - 9) * SECOND;
    expect(await service.consume(tokens, 'ada')).toMatchObject({ allowed: true, remaining: 0 });
  });

  it('what has drained is not given back, rounded to whole tokens', async () => {
    const tokens = tokenBucket({ name: 'tokens', capacity: 10, rate: '1/s' });
    const [service] = twoProcesses(name);
    const reservation = await service.reserve(tokens, 'ada', { cost: 10 });
    clock.now += 2.5 * SECOND;
    expect(await service.settle(reservation, 0)).toEqual({ settled: true, charged: -7 });
    expect(await remaining(service, tokens)).toBe(10);
  });

  it('nothing is given back while somebody waits, nor on a bucket that shapes; more is charged all the same', async () => {
    const tokens = tokenBucket({ name: 'tokens', capacity: 10, rate: '1/s' });
    const line = leakyBucket({ name: 'line', capacity: 10, rate: '1/s' });
    const store = name === 'memory' ? new MemoryStore({ maxKeys: 9, clock: clock.read }) : redisStore();
    const { service, turns } = serviceOn(store);
    const [less, more] = [
      await service.reserve(tokens, 'ada', { cost: 5 }),
      await service.reserve(tokens, 'ada', { cost: 5 }),
    ];
    const waits = service.acquire(tokens, 'ada').catch((error: Error) => error.message);
    await eventually(() => turns.waiting === 1, 'somebody waits');
    expect(await service.settle(less, 0)).toEqual({ settled: true, charged: 0 });
    expect(await service.settle(more, 6)).toEqual({ settled: true, charged: 1 });
    turns.close();
    expect(await waits).toContain('shutting down');

    const place = await service.reserve(line, 'ada');
    expect(await service.settle(place, 0)).toEqual({ settled: true, charged: 0 });
    const longer = await service.reserve(line, 'ada');
    expect(await service.settle(longer, 3)).toEqual({ settled: true, charged: 2 });
    expect(await service.consume(line, 'ada')).toMatchObject({ delayMs: 4000 });
  });

  it.each(['a refund', 'a reset', 'other limits'])(
    'after %s nothing is given back that is not there any more',
    async (what) => {
      const per = (rate: string) => ({ limits: { capacity: 10, rate } });
      const tokens = tokenBucket({ name: 'tokens', limits: () => 'unlimited' });
      const [service] = twoProcesses(name);
      const reservation = await service.reserve(tokens, 'ada', { cost: 6, ...per('1/h') });
      if (what === 'a refund') await service.refund(tokens, 'ada', 6);
      if (what === 'a reset') await service.reset(tokens, 'ada');
      await service.consume(tokens, 'ada', { cost: 4, ...per(what === 'other limits' ? '2/h' : '1/h') });
      expect(await service.settle(reservation, 0)).toEqual({ settled: true, charged: 0 });
    },
  );

  it.each([1, 10])(
    'after a report that knows the cost nothing is given back on top: estimated %d',
    async (cost) => {
      const tokens = tokenBucket({ name: 'tokens', capacity: 10, rate: '1/h' });
      const [service] = twoProcesses(name);
      const reservation = await service.reserve(tokens, 'ada', { cost });
      // The request has cost 1 there.
      await service.sync(tokens, 'ada', { remaining: 9, decision: reservation.decision });
      expect(await service.settle(reservation, 0)).toEqual({ settled: true, charged: 0 });
      expect(await remaining(service, tokens)).toBe(9);
      // Reservations that follow are given back as ever.
      const next = await service.reserve(tokens, 'ada', { cost: 5 });
      expect(await service.settle(next, 2)).toEqual({ settled: true, charged: -3 });
      expect(await remaining(service, tokens)).toBe(7);
    },
  );

  it('the estimate stands when its time is over', async () => {
    const tokens = tokenBucket({ name: 'tokens', capacity: 10, rate: '1/h', reservationTtlMs: 60_000 });
    const [service] = twoProcesses(name);
    const [early, late] = [await service.reserve(tokens, 'ada'), await service.reserve(tokens, 'ada')];
    const longer = await service.reserve(tokens, 'ada', { ttlMs: 60_001 });
    clock.now += 60 * SECOND - 1;
    expect(await service.settle(early, 0)).toEqual({ settled: true, charged: 0 });
    clock.now += 1;
    expect(await service.settle(late, 0)).toEqual({ settled: false, charged: 0 });
    expect(await service.settle(longer, 5)).toEqual({ settled: true, charged: 4 });
  });
});

describe('on Redis', () => {
  it('a reservation is a key beside its bucket, that lives as long as it can be settled', async () => {
    const tokens = tokenBucket({ name: 'tokens', capacity: 10, rate: '1/h' });
    // The time of the server itself.
    const { service } = serviceOn(new RedisStore(stores.client(), { prefix }));
    const client = stores.admin();
    const [settled, expired] = [
      await service.reserve(tokens, 'ada', { ttlMs: 30_000 }),
      await service.reserve(tokens, 'ada', { ttlMs: 1000 }),
    ];
    const nameOf = ({ id }: Reservation) => `${prefix}:tokens:{ada}:r:${id}`;
    expect(await client.pttl(nameOf(settled))).toBeGreaterThan(20_000);
    expect(await client.pttl(nameOf(settled))).toBeLessThanOrEqual(30_001);
    expect(await client.pttl(nameOf(expired))).toBeLessThanOrEqual(1001);
    expect(await service.settle(settled, 0)).toMatchObject({ settled: true });
    expect(await client.exists(nameOf(settled))).toBe(0);
    await eventually(async () => (await client.exists(nameOf(expired))) === 0, 'its time is over');
    expect(await service.settle(expired, 5)).toEqual({ settled: false, charged: 0 });
    expect(await client.keys(`${prefix}:*`)).toEqual([`${prefix}:tokens:{ada}`]);
  });

  it('a value that is none of ours is an error, and nothing is settled', async () => {
    const tokens = tokenBucket({ name: 'tokens', capacity: 10, rate: '1/h' });
    const { service } = serviceOn(redisStore());
    const reservation = await service.reserve(tokens, 'ada', { cost: 2 });
    await stores.admin().set(`${prefix}:tokens:{ada}:r:${reservation.id}`, 'something else');
    await expect(service.settle(reservation, 0)).rejects.toThrow('no reservation at');
    expect(await remaining(service, tokens)).toBe(8);
  });
});
