// What is decided together, many at a time, comes to what the general way makes of it one by one.
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { algorithms } from '../../lib/algorithms/index.js';
import type { Limit } from '../../lib/algorithms/limit.js';
import { leakyBucket, tokenBucket } from '../../lib/index.js';
import { bucketKey } from '../../lib/limiter/bucket-key.js';
import type { Charge } from '../../lib/limiter/charge.js';
import { mergeSameBucket, transactionOf } from '../../lib/limiter/entries.js';
import { type Judgement, judge } from '../../lib/limiter/judgement.js';
import { Limiter } from '../../lib/limiter/limiter.js';
import { BatchingStore } from '../../lib/stores/batching.store.js';
import type { PlainCall } from '../../lib/stores/plain-call.js';
import { RedisStore } from '../../lib/stores/redis/redis.store.js';
import type { TransactionReply } from '../../lib/stores/store.interface.js';
import { KernelStore } from '../../lib/testing/kernel.store.js';
import { effort } from '../support/effort.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import { ManualClock } from '../support/manual-clock.js';
import { Random } from '../support/oracle/scenario.js';
import { closeClients, connect } from '../support/redis/clients.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';
import { seenIn } from '../support/seen-judgement.js';

const ROUNDS = effort(300, 10_000);
/** Far ahead of any real clock, so that a real expiry cannot interfere. */
const START = 4_000_000_000_000_000;

const limitsOf = (policies: readonly { limit?: Limit }[]) => policies.map(({ limit }) => limit as Limit);

/** The numbers of each policy as they change: of one scale, so that a batch stays one for the lean script. */
const POLICIES = [
  { id: 'all', limits: limitsOf([40, 25].map((capacity) => tokenBucket({ capacity, rate: '20/s' }))) },
  { id: 'tenant', limits: limitsOf([tokenBucket({ capacity: 9, rate: '7/s' })]) },
  { id: 'route %', limits: limitsOf([leakyBucket({ capacity: 8, rate: '100/min', shape: false })]) },
  {
    id: 'user',
    limits: limitsOf([5, 3].map((capacity) => tokenBucket({ capacity, rate: '5/3s' }))),
  },
].map((one) => ({
  ...one,
  placed: { id: one.id, policy: tokenBucket({ name: 'any', limits: () => 'unlimited' }) },
}));

const KEYS = ['ada', 'bob', 'with space', 'eve', 'seldom'];

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => {
  await closeClients();
  await server.stop();
});

/** All that can be told from outside, but for where it was decided. */
const seen = (judgement: Judgement) => {
  const { outcomes, ...rest } = seenIn(judgement);
  return {
    ...rest,
    outcomes: outcomes.map((one) => ({ ...one, decision: { ...one.decision, source: undefined } })),
  };
};

/** Mostly a bucket of each policy, sometimes one of them, or one bucket twice. */
function charges(random: Random): Charge[] {
  const count = random.pick([1, 2, 3, 4, 4, 4]);
  const policies = random.chance(0.1) ? [0, 3, 3] : [0, 1, 2, 3].slice(0, count);
  return policies.map((at) => {
    const { placed, limits } = POLICIES[at]!;
    // Now and then more than can ever be taken, in ticks far beyond 2^53.
    const cost = random.chance(0.05) ? 2 ** 50 : random.pick([0, 1, 1, 1, 1, 2, 3]);
    return { placed, key: at === 0 ? 'all' : random.pick(KEYS), cost, limit: random.pick(limits) };
  });
}

async function judgeGenerally(store: KernelStore, asked: readonly Charge[], counted: boolean) {
  const merged = mergeSameBucket(asked);
  const [reply] = await store.decide([transactionOf(merged, { counted }, false)]);
  return judge(asked, merged, { counted }, reply as TransactionReply, 1);
}

it.each([1, 2, 3])('stacks and single takes of the same buckets come to the same (seed %i)', async (seed) => {
  const random = new Random(seed);
  const clock = new ManualClock(START);
  const redis = new RedisStore(connect(server.url), { prefix: freshPrefix('stacks'), clock: clock.read });
  const batching = new BatchingStore(redis);
  const enqueue = jest.spyOn(batching, 'enqueue');
  const limiter = new Limiter(batching);
  const general = new KernelStore(clock.read);
  const tally = { admitted: 0, refused: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    clock.now += random.pick([
      0,
      1000,
      random.below(900_000),
      random.below(9_000_000),
      -random.below(100_000),
    ]);
    if (random.chance(0.1)) await blockOne(random, [redis, general]);
    const asked = Array.from({ length: random.chance(0.4) ? 1 : random.below(16) }, () => ({
      of: charges(random),
      counted: random.chance(0.05),
    }));
    const told = await Promise.all(asked.map(({ of, counted }) => limiter.decide(of, { counted })));
    for (const [i, { of, counted }] of asked.entries()) {
      expect(seen(told[i]!)).toEqual(seen(await judgeGenerally(general, of, counted)));
      tally[told[i]!.admitted ? 'admitted' : 'refused']++;
    }
  }
  expect(Math.min(tally.admitted, tally.refused)).toBeGreaterThan(ROUNDS);
  const stacks = enqueue.mock.calls.filter(([call]) => (call as PlainCall).others.length > 0);
  expect(stacks.length).toBeGreaterThan(2 * ROUNDS);
});

it.each([
  ['as many sorts as are told apart', 60, (cost: number) => cost],
  // Each sort has a kind of take, and the bucket that all share has one.
  ['more sorts than that', 110, () => 1],
  ['more than the lean script can be told', 119, (cost: number) => cost],
])('a batch with buckets of %s comes to the same', async (_, costs, sharedCost) => {
  const clock = new ManualClock(START);
  const redis = new RedisStore(connect(server.url), { prefix: freshPrefix('sorts'), clock: clock.read });
  const limiter = new Limiter(new BatchingStore(redis));
  const general = new KernelStore(clock.read);
  const policies = [300, 5000].map((capacity) => tokenBucket({ name: `of-${capacity}`, capacity, rate: 1 }));
  const [own, shared] = policies.map((policy) => ({ id: policy.name as string, policy }));
  for (let round = 0; round < 4; round++) {
    clock.now += 1_000_000;
    const asked = Array.from({ length: costs }, (_, cost): Charge[] => [
      { placed: own!, key: `${cost}`, cost },
      { placed: shared!, key: 'all', cost: sharedCost(cost) },
    ]);
    const told = await Promise.all(asked.map((of) => limiter.decide(of)));
    for (const [i, of] of asked.entries())
      expect(seen(told[i]!)).toEqual(seen(await judgeGenerally(general, of, false)));
  }
});

it('more takes of one bucket than a step is repeated for are as many in one call', async () => {
  const clock = new ManualClock(START);
  const redis = new RedisStore(connect(server.url), { prefix: freshPrefix('repeats'), clock: clock.read });
  const { limit } = tokenBucket({ capacity: 270, rate: 1 });
  const take = algorithms['token-bucket'](limit as Limit, 'p:{a}', 1);
  const replies = await redis.decide(Array.from({ length: 300 }, () => ({ takes: [take] })));
  expect(replies.map(({ admitted }) => admitted)).toEqual(replies.map((_, i) => i < 270));
  const [next] = await redis.decide([{ takes: [take], peek: true }]);
  expect(next!.found[0]!.level).toBe(270 * take.scale.ticksPerToken);
});

async function blockOne(random: Random, stores: readonly (RedisStore | KernelStore)[]): Promise<void> {
  const { id, limits } = random.pick(POLICIES.slice(1));
  const { scale } = limits[0]!;
  const report = { scale, missing: undefined, mark: undefined, lowers: false, block: random.below(400_000) };
  const name = bucketKey(id, random.pick(KEYS));
  for (const store of stores) await store.report(name, report);
}
