import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import {
  byGlobal,
  CredentialPool,
  LeakyBucket,
  leakyBucket,
  type Policy,
  type RateLimiterService,
  tokenBucket,
} from '../../lib/index.js';
import { bucketKey } from '../../lib/limiter/bucket-key.js';
import { Limiter } from '../../lib/limiter/limiter.js';
import { LiveLimits } from '../../lib/limiter/live-limits.js';
import { newHold } from '../../lib/limiter/reservation.js';
import { ClusterStore } from '../../lib/stores/redis/cluster.store.js';
import { openRedis } from '../../lib/stores/redis/open-redis.js';
import type { Store } from '../../lib/stores/store.interface.js';
import { bootApp, closeApps } from '../support/app.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import { type Asker, ask } from '../support/limits.js';
import { closeClients, connectCluster, connectClusterAsAdmin } from '../support/redis/clients.js';
import { type RedisCluster, startCluster } from '../support/redis/cluster.js';
import { command } from '../support/redis/raw.js';
import { catsWith } from '../support/routes.js';
import { serviceOn } from '../support/service.js';

const fail = (message: string) => {
  throw new Error(message);
};

let cluster: RedisCluster;
let client: ReturnType<typeof connectCluster>;
let admin: ReturnType<typeof connectCluster>;
let prefix: string;
let asker: Asker;
let store: Store;

beforeAll(async () => {
  cluster = await startCluster();
  client = connectCluster(cluster.nodes);
  admin = connectClusterAsAdmin(cluster.nodes);
});

afterAll(async () => {
  await closeApps();
  await closeClients();
  await cluster.stop();
});

beforeEach(async () => {
  prefix = freshPrefix('cluster');
  ({ store } = await openRedis({ kind: 'client', client }, { prefix }, fail));
  expect(store).toBeInstanceOf(ClusterStore);
  asker = ask(store);
});

const [ip, user, tenant] = ['ip', 'user', 'tenant'].map((name) =>
  tokenBucket({ name, capacity: 5, rate: '1/365d' }),
) as [ReturnType<typeof tokenBucket>, ReturnType<typeof tokenBucket>, ReturnType<typeof tokenBucket>];

/** What every node has run of a script since. */
const countCalls = async (): Promise<number[]> => {
  const stats = cluster.nodes.map(({ port }) => command(port, 'INFO', 'commandstats'));
  return (await Promise.all(stats)).map((text) =>
    [...text.matchAll(/^cmdstat_eval(?:sha)?:calls=(\d+)/gm)].reduce(
      (sum, [, calls]) => sum + Number(calls),
      0,
    ),
  );
};

describe('on a cluster', () => {
  it('keys in every slot are limited, each for itself', async () => {
    const keys = Array.from({ length: 100 }, (_, i) => `key-${i}`);
    const first = await Promise.all(keys.map((key) => asker.take(ip, key, 5)));
    expect(first.every(({ allowed }) => allowed)).toBe(true);
    const second = await Promise.all(keys.map((key) => asker.take(ip, key)));
    expect(second.some(({ allowed }) => allowed)).toBe(false);
  });

  it('a client cannot choose the slot of its buckets by braces in its key', async () => {
    const keys = Array.from({ length: 40 }, (_, i) => `{one slot}${i}`);
    for (const key of keys) expect((await asker.take(ip, key, 5)).allowed).toBe(true);
    const names = keys.map((key) => `${prefix}:${bucketKey('ip', key)}`);
    const slots = await Promise.all(names.map((name) => admin.cluster('KEYSLOT', name)));
    expect(new Set(slots).size).toBeGreaterThan(20);
    for (const key of keys) expect((await asker.take(ip, key)).allowed).toBe(false);
  });

  it('a stack in several slots is all or nothing: what was taken is given back', async () => {
    await asker.take(tenant, 'acme', 5);
    const decisions = await asker.takeAll([ip, '1.2.3.4', 2], [user, 'ada'], [tenant, 'acme']);
    expect(decisions.map(({ allowed }) => allowed)).toEqual([true, true, false]);
    expect(await asker.peek(ip, '1.2.3.4', 0)).toMatchObject({ remaining: 5 });
    expect(await asker.peek(user, 'ada', 0)).toMatchObject({ remaining: 5 });
  });

  it('shadow mode costs no call more in the slot of what is enforced, and works beside it in another', async () => {
    const trial = tokenBucket({ name: 'trial', capacity: 1, rate: '1/365d', shadow: true });
    const { service } = serviceOn(store);
    await service.peek(user, 'ada');
    const before = await countCalls();
    for (const remaining of [4, 3]) {
      const requests = [
        { policy: trial, key: 'ada' },
        { policy: user, key: 'ada' },
      ];
      expect(await service.consumeAll(requests)).toMatchObject({ allowed: true, tightest: { remaining } });
    }
    const calls = (await countCalls()).map((count, node) => count - before[node]!);
    expect(calls.sort()).toEqual([0, 0, 2]);

    for (const remaining of [2, 1]) {
      const requests = [
        { policy: trial, key: 'acme' },
        { policy: user, key: 'ada' },
      ];
      expect(await service.consumeAll(requests)).toMatchObject({ allowed: true, tightest: { remaining } });
    }
    expect(service.shadowReport()).toEqual([{ policy: 'trial', evaluated: 4, refused: 2 }]);
  });

  it('a reservation lives in the slot of its bucket; one beside a refusal in another slot is given back', async () => {
    const { service } = serviceOn(store);
    for (let i = 0; i < 20; i++) {
      const reservation = await service.reserve(ip, `key-${i}`, { cost: 5 });
      expect(await service.settle(reservation, 2)).toEqual({ settled: true, charged: -3 });
      expect(await service.settle(reservation, 2)).toEqual({ settled: false, charged: 0 });
      expect(await asker.peek(ip, `key-${i}`, 0)).toMatchObject({ remaining: 3 });
    }
    const limiter = new Limiter(store);
    const charge = (policy: Policy, key: string) => ({
      ...{ placed: { id: policy.name!, policy }, key, cost: 2 },
      reserve: newHold(60_000),
    });
    const stacks = Array.from({ length: 50 }, () => [charge(user, 'ada'), charge(tenant, 'acme')]);
    const judgements = await Promise.all(stacks.map((stack) => limiter.decide(stack)));
    const admitted = judgements.filter((judgement) => judgement.admitted).length;
    expect(admitted).toBeLessThanOrEqual(2);
    for (const name of ['user:{ada}', 'tenant:{acme}']) {
      const [level, , , ticksPerToken] = ((await admin.get(`${prefix}:${name}`)) ?? '0 0 0 1').split(' ');
      const tokens = Number(level) / Number(ticksPerToken);
      expect(tokens).toBeGreaterThan(2 * admitted - 0.001);
      expect(tokens).toBeLessThan(2 * admitted + 0.001);
    }
    const open = await Promise.all(admin.nodes('master').map((node) => node.keys(`${prefix}:*:r:*`)));
    expect(open.flat()).toHaveLength(2 * admitted);
  });

  it('under contention a stack never admits too much, and refused requests leave their tokens', async () => {
    const stacks = Array.from({ length: 200 }, (_, i) =>
      asker.takeAll([ip, `address-${i % 10}`], [user, `user-${i % 20}`], [tenant, 'acme']),
    );
    const admitted = (await Promise.all(stacks)).filter((stack) => stack.every(({ allowed }) => allowed));
    expect(admitted.length).toBeLessThanOrEqual(5);
    // What stayed charged is what was admitted: beside it less than a token that drains as fast as it came.
    const levels = await Promise.all(
      Array.from({ length: 10 }, async (_, i) => {
        const [level, , , ticksPerToken] = (
          (await admin.get(`${prefix}:ip:{address-${i}}`)) ?? '0 0 0 1'
        ).split(' ');
        return Number(level) / Number(ticksPerToken);
      }),
    );
    const charged = levels.reduce((sum, level) => sum + level, 0);
    expect(charged).toBeGreaterThan(admitted.length - 0.001);
    expect(charged).toBeLessThan(admitted.length + 0.001);
  });

  it('buckets of one key live in one slot and need one call', async () => {
    const line = leakyBucket({ name: 'line', capacity: 50, rate: 10 });
    const slow = leakyBucket({ name: 'slow', capacity: 5, rate: 1 });
    for (const delayMs of [0, 1000]) {
      const decisions = await asker.takeAll([line, 'ada'], [slow, 'ada'], [ip, 'ada']);
      expect(decisions.map((decision) => decision.allowed)).toEqual([true, true, true]);
      expect(Math.abs(decisions[0]!.delayMs - delayMs)).toBeLessThan(100);
      expect(decisions[1]!.delayMs).toBe(decisions[0]!.delayMs);
    }
  });

  it('a leaky bucket beside limits in other slots keeps its place only if all admit', async () => {
    const line = leakyBucket({ name: 'line', capacity: 5, rate: '1/h' });
    await asker.take(tenant, 'acme', 5);
    await asker.takeAll([line, 'ada'], [tenant, 'acme']);
    expect(await asker.take(line, 'ada')).toMatchObject({ delayMs: 0 });
  });

  it('two lines in different slots cannot share a start: an error that says so, and nothing is taken', async () => {
    const [one, two] = ['one', 'two'].map((name) => leakyBucket({ name, capacity: 5, rate: 1 }));
    await expect(asker.takeAll([one!, 'ada'], [two!, 'bob'])).rejects.toMatchObject({
      code: 'CLUSTER_SHAPING',
    });
    expect(await asker.peek(one!, 'ada', 0)).toMatchObject({ remaining: 5 });
  });

  describe('one of several buckets', () => {
    let service: RateLimiterService;

    beforeEach(() => {
      ({ service } = serviceOn(store));
    });

    it('is picked in one call to one node, where they have one key: so is a credential of a pool', async () => {
      const ids = ['first', 'second', 'third'];
      const pool = new CredentialPool(service, {
        name: 'github',
        policy: tokenBucket({ capacity: 2, rate: '1/h' }),
        credentials: ids.map((id) => ({ id, value: `secret of ${id}` })),
      });
      await pool.consume({ cost: 0 });
      const before = await countCalls();
      const picked: (string | undefined)[] = [];
      for (let i = 0; i < 7; i++) picked.push((await pool.consume()).credential?.id);
      expect(picked).toEqual([...ids, ...ids, undefined]);
      const calls = (await countCalls()).map((count, node) => count - before[node]!);
      expect(calls.sort()).toEqual([0, 0, 7]);
    });

    it('cannot be picked where they have different keys: an error that says so, and nothing is taken', async () => {
      const requests = ['1.2.3.4', 'ada'].map((key) => ({ policy: ip, key }));
      const error = { code: 'CLUSTER_PICK', message: expect.stringContaining('give the requests one key') };
      await expect(service.consumeAny(requests)).rejects.toMatchObject(error);
      await expect(service.acquireAny(requests)).rejects.toMatchObject(error);
      for (const key of ['1.2.3.4', 'ada'])
        expect(await asker.peek(ip, key, 0)).toMatchObject({ remaining: 5 });
    });

    it('is blocked and let go again, wherever it lives', async () => {
      for (const key of ['1.2.3.4', 'ada', 'acme']) {
        const requests = [ip, user].map((policy) => ({ policy, key }));
        await service.block(ip, key);
        expect(await service.consumeAny(requests)).toMatchObject({ allowed: true, picked: 1 });
        expect(await service.unblock(ip, key)).toBe(true);
        expect(await service.consumeAny(requests)).toMatchObject({ allowed: true, picked: 0 });
      }
    });
  });

  it('limits that are set at run time count for all, whatever slot a bucket lives in', async () => {
    const [one, two] = [serviceOn(store), serviceOn(store, new LiveLimits(store, 0))];
    await one.service.setLimits(ip, { capacity: 7, rate: '1/365d' });
    for (const key of ['1.2.3.4', 'ada', 'acme']) {
      expect(await two.service.consume(ip, key)).toMatchObject({ limit: 7, remaining: 6 });
    }
    expect(await two.service.clearLimits(ip)).toBe(true);
    expect(await two.service.limitsOf(ip)).toMatchObject({ capacity: 5, live: false });
  });

  it('gives back and forgets', async () => {
    await asker.take(ip, 'ada', 5);
    expect(await asker.refund(ip, 'ada', 2)).toBe(true);
    expect(await asker.peek(ip, 'ada', 0)).toMatchObject({ remaining: 2 });
    expect(await asker.reset(ip, 'ada')).toBe(true);
  });

  it('a route with two such lines boots where one of them is in shadow mode', async () => {
    const one = LeakyBucket({ capacity: 5, rate: 1, shadow: true });
    const all = LeakyBucket({ name: 'all', capacity: 5, rate: 10, key: byGlobal() });
    const { statuses } = await bootApp({
      controllers: [catsWith(one, all)],
      rateLimit: { redis: client, prefix },
    });
    expect(await statuses(2, '/cats')).toEqual([200, 200]);
  });

  it('a route with two such lines does not boot', async () => {
    @Controller('lines')
    class LinesController {
      @Get()
      @LeakyBucket({ capacity: 5, rate: 1 })
      @LeakyBucket({ name: 'all', capacity: 5, rate: 10, key: byGlobal() })
      find() {
        return [];
      }
    }
    const boot = bootApp({ controllers: [LinesController], rateLimit: { redis: client } });
    await expect(boot).rejects.toMatchObject({
      code: 'CLUSTER_SHAPING',
      message: expect.stringMatching(/^LinesController\.find: .*byIp\(64\) and byGlobal\(\)/),
    });
  });
});
