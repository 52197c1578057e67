// Administration on every store: in memory, on a Redis server, on a Cluster.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import {
  byHeader,
  LeakyBucket,
  leakyBucket,
  RateLimit,
  RateLimitAdmin,
  RateLimiterService,
  type RateLimitModuleOptions,
  TokenBucket,
  tokenBucket,
} from '../../lib/index.js';
import { bootApp, closeApps, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import { closeClients, connect, connectCluster, connectClusterAsAdmin } from '../support/redis/clients.js';
import { type RedisCluster, startCluster } from '../support/redis/cluster.js';
import { command } from '../support/redis/raw.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';

const user = byHeader('x-user');
const slow = '1/365d';
const daily = tokenBucket({ name: 'daily', capacity: 100, rate: slow, key: user });
const mails = leakyBucket({ name: 'mails', capacity: 10, rate: slow, shape: false });
const plan = tokenBucket({ name: 'plan', key: user, limits: () => ({ capacity: 5, rate: slow }) });

@Controller('cats')
class Cats {
  @Get()
  @RateLimit(daily)
  @RateLimit(plan)
  @TokenBucket({ capacity: 3, rate: slow, key: user })
  find() {
    return [];
  }

  @Get('line')
  @LeakyBucket({ capacity: 9, rate: slow, key: user })
  line() {
    return [];
  }
}

let server: RedisServer;
let cluster: RedisCluster;

beforeAll(async () => {
  [server, cluster] = await Promise.all([startRedis(), startCluster()]);
  for (const port of [server.port, ...cluster.nodes.map((node) => node.port)]) {
    await command(port, 'CONFIG', 'RESETSTAT');
  }
});

afterEach(closeApps);

afterAll(async () => {
  await closeClients();
  await Promise.all([server.stop(), cluster.stop()]);
});

type Where = 'memory' | 'Redis' | 'Cluster';

let prefix = '';
beforeEach(() => {
  prefix = freshPrefix('admin');
});

const adminOf = (where: Where) =>
  where === 'Cluster' ? connectClusterAsAdmin(cluster.nodes) : connect(server.adminUrl);
const clientOf = (where: Where) =>
  where === 'Cluster' ? connectCluster(cluster.nodes) : connect(server.url);

async function boot(where: Where, more: RateLimitModuleOptions = {}) {
  const redis = where === 'memory' ? {} : { redis: clientOf(where) };
  const rateLimit = { ...redis, prefix, policies: [daily, mails, plan], ...more };
  const app = await bootApp({ controllers: [Cats], rateLimit });
  const ask = async (key: string, path = '/cats') =>
    (await app.request(path, { headers: { 'x-user': key } })).status;
  return { app, ask, admin: app.app.get(RateLimitAdmin), limiter: serviceOf(app) };
}

const serviceOf = ({ app }: TestApp): RateLimiterService => app.get(RateLimiterService);

describe.each<Where>(['memory', 'Redis', 'Cluster'])('on %s', (where) => {
  const nameOf = (bucket: string) => (where === 'memory' ? bucket : `${prefix}:${bucket}`);

  it('finds all buckets of a key, named or not, with what they hold', async () => {
    const { admin, ask, limiter } = await boot(where);
    expect(await ask('ada')).toBe(200);
    await limiter.consume(daily, 'ada', { cost: 9 });
    await limiter.consume(mails, 'grace');

    const common = { key: 'ada', blockedForMs: 0, fullAfterMs: expect.any(Number) };
    const found = await admin.find('ada');
    expect(found).toEqual(
      expect.arrayContaining([
        {
          ...common,
          policy: 'daily',
          storeKey: nameOf('daily:{ada}'),
          capacity: 100,
          missing: 10,
          remaining: 90,
        },
        {
          ...common,
          policy: 'Cats.find',
          storeKey: nameOf('Cats.find:{ada}'),
          capacity: 3,
          missing: 1,
          remaining: 2,
        },
        {
          ...common,
          policy: 'plan',
          storeKey: nameOf('plan:{ada}'),
          capacity: undefined,
          missing: 1,
          remaining: undefined,
        },
      ]),
    );
    expect(found).toHaveLength(3);
    const year = 365 * 86_400_000;
    const fullAfterMs = found.find(({ policy }) => policy === 'daily')!.fullAfterMs;
    expect(fullAfterMs).toBeLessThanOrEqual(10 * year);
    expect(fullAfterMs).toBeGreaterThan(10 * year - 60_000);
    expect(await admin.find('nobody')).toEqual([]);
  });

  it('tells the key of the store, where the record is', async () => {
    const { admin, limiter } = await boot(where);
    await limiter.consume(daily, 'a {b} %');
    const [{ storeKey } = { storeKey: '' }] = await admin.find('a {b} %');

    expect(storeKey).toBe(nameOf('daily:{a%20%7bb%7d%20%25}'));
    if (where !== 'memory') expect(await adminOf(where).exists(storeKey)).toBe(1);
  });

  it.each(['', '%-', '{', '}{', 'a:b', 'ada\0', '\ud800', 'k'.repeat(5000), '😀'])(
    'finds, resets and blocks a key as %p, and no other',
    async (key) => {
      const { admin, limiter } = await boot(where);
      await limiter.consume(daily, key);
      await limiter.consume(daily, `${key}!`);

      expect(await admin.find(key)).toMatchObject([{ policy: 'daily', key, missing: 1 }]);
      await admin.block(key, { forMs: 60_000 }, ['mails']);
      expect(await limiter.consume(mails, key)).toMatchObject({ allowed: false });
      expect(await limiter.consume(mails, `${key}!`)).toMatchObject({ allowed: true });
      expect((await admin.reset(key)).sort()).toEqual(['daily', 'mails']);
      expect(await admin.find(key)).toEqual([]);
      expect(await admin.find(`${key}!`)).toMatchObject([{ policy: 'daily' }, { policy: 'mails' }]);
    },
  );

  it('looks at one bucket, be it full or not, and takes nothing', async () => {
    const { admin, ask } = await boot(where);
    const full = { key: 'ada', missing: 0, fullAfterMs: 0, blockedForMs: 0 };

    expect(await admin.inspect('Cats.find', 'ada')).toMatchObject({ ...full, capacity: 3, remaining: 3 });
    expect(await admin.inspect(plan, 'ada')).toMatchObject({ ...full, capacity: undefined });
    await ask('ada');
    for (const policy of ['daily', daily]) {
      expect(await admin.inspect(policy, 'ada')).toMatchObject({ missing: 1, remaining: 99 });
    }
  });

  it('resets all buckets of a key, or some', async () => {
    const { admin, ask } = await boot(where);
    expect([await ask('ada'), await ask('ada'), await ask('ada'), await ask('ada')]).toEqual([
      ...Array(3).fill(200),
      429,
    ]);

    expect(await admin.reset('ada', ['Cats.find', 'mails'])).toEqual(['Cats.find']);
    expect(await ask('ada')).toBe(200);
    expect((await admin.reset('ada')).sort()).toEqual(['Cats.find', 'daily', 'plan']);
    expect(await admin.find('ada')).toEqual([]);
    expect(await admin.reset('ada')).toEqual([]);
  });

  it('grants tokens, never beyond full, and none of a line', async () => {
    const { admin, ask, limiter } = await boot(where);
    await limiter.consume(daily, 'ada', { cost: 60 });
    expect(await ask('ada', '/cats/line')).toBe(200);

    expect(await admin.grant(daily, 'ada', 50)).toBe(true);
    expect(await admin.inspect(daily, 'ada')).toMatchObject({ missing: 10 });
    expect(await admin.grant('daily', 'ada', 50)).toBe(true);
    expect(await admin.inspect(daily, 'ada')).toMatchObject({ missing: 0, remaining: 100 });
    expect(await admin.grant('daily', 'ada', 50)).toBe(false);
    expect(await admin.grant('Cats.line', 'ada', 1)).toBe(false);
    expect(await admin.inspect('Cats.line', 'ada')).toMatchObject({ missing: 1, remaining: 8 });
  });

  it('blocks a key that has no bucket yet, of every policy, and unblocks it', async () => {
    const { admin, ask, limiter } = await boot(where);
    await admin.block('eve', { until: new Date(Date.now() + 3_600_000) });

    expect(await ask('eve')).toBe(429);
    const states = await admin.find('eve');
    expect(states.map(({ policy }) => policy).sort()).toEqual([
      'Cats.find',
      'Cats.line',
      'daily',
      'mails',
      'plan',
    ]);
    const left = { plan: undefined, 'Cats.line': 9 };
    for (const { missing, blockedForMs, remaining, policy } of states) {
      expect(missing).toBe(0);
      // A line has places behind the block; where limits are asked for, nobody knows.
      expect([policy, remaining]).toEqual([policy, policy in left ? left[policy as keyof typeof left] : 0]);
      expect(blockedForMs).toBeGreaterThan(3_590_000);
      expect(blockedForMs).toBeLessThanOrEqual(3_600_000);
    }
    expect(await ask('ada')).toBe(200);
    // Where the limits are asked for: nothing of the block's own numbers is left.
    await admin.unblock('eve', ['Cats.find', 'daily']);
    expect(await ask('eve')).toBe(429);
    expect((await admin.unblock('eve')).sort()).toEqual(['Cats.line', 'mails', 'plan']);
    expect(await ask('eve')).toBe(200);
    expect(await limiter.peek(plan, 'eve', { cost: 0, limits: { capacity: 5, rate: slow } })).toMatchObject({
      remaining: 4,
    });
  });

  it('blocks until it is unblocked, and keeps what was taken', async () => {
    const { admin, limiter } = await boot(where);
    await limiter.consume(daily, 'eve', { cost: 7 });
    await admin.block('eve', { until: 'unblocked' }, [daily]);

    expect(await admin.find('eve')).toMatchObject([
      { policy: 'daily', missing: 7, remaining: 0, blockedForMs: null },
    ]);
    expect(await limiter.consume(daily, 'eve')).toMatchObject({ allowed: false, retryAfterMs: null });
    expect(await admin.unblock('eve')).toEqual(['daily']);
    expect(await limiter.consume(daily, 'eve')).toMatchObject({ allowed: true, remaining: 92 });
  });

  it('tells the keys with the most tokens missing', async () => {
    const { admin, limiter } = await boot(where);
    const costs = { ada: 70, grace: 90, 'a {b} %': 80, '': 60, hopper: 51, idle: 3 };
    for (const [key, cost] of Object.entries(costs)) await limiter.consume(daily, key, { cost });
    await limiter.consume(daily, 'k'.repeat(200), { cost: 100 });
    await limiter.consume(mails, 'joan', { cost: 10 });

    const fullest = await admin.fullest('daily', { limit: 4 });
    expect(fullest.map(({ key, missing }) => [key, missing])).toEqual([
      ['grace', 90],
      ['a {b} %', 80],
      ['ada', 70],
      ['', 60],
    ]);
    // What they hold is what is there now.
    await admin.grant(daily, 'grace', 45);
    await admin.reset('a {b} %');
    await admin.block('', { forMs: 60_000 });
    expect((await admin.fullest(daily)).map(({ key }) => key).slice(0, 4)).toEqual([
      'ada',
      '',
      'hopper',
      'grace',
    ]);
    expect(await admin.fullest(mails)).toMatchObject([{ key: 'joan', missing: 10, remaining: 0 }]);
    expect(await admin.fullest('plan')).toEqual([]);
  });

  it('needs no look over the whole database for any of that', async () => {
    if (where === 'memory') return;
    const ports = where === 'Redis' ? [server.port] : cluster.nodes.map(({ port }) => port);
    const stats = (await Promise.all(ports.map((port) => command(port, 'INFO', 'commandstats')))).join('\n');
    expect(stats).toMatch(/cmdstat_zadd/);
    expect(stats).not.toMatch(/cmdstat_(scan|keys|sscan|hscan|zscan|randomkey|sort)/);
  });
});

describe('what decisions note for fullest()', () => {
  const list = () => `${prefix}:fullest:daily`;

  it('is told with a decision, is bounded in time, and shared by all instances', async () => {
    const [one, other] = [await boot('Redis'), await boot('Redis')];
    const client = connect(server.adminUrl);
    await one.limiter.consume(daily, 'ada', { cost: 70 });
    await eventually(async () => (await client.exists(list())) === 1, 'the first is told at once');
    expect(await client.zrange(list(), '0', '-1')).toEqual(['daily:{ada}']);
    expect(await client.pttl(list())).toBeGreaterThan(0);

    await other.limiter.consume(daily, 'grace', { cost: 90 });
    await other.admin.fullest(daily);
    expect((await one.admin.fullest(daily)).map(({ key }) => key)).toEqual(['grace', 'ada']);
  });

  it('never fails a decision', async () => {
    const { admin, limiter, ask } = await boot('Redis');
    const client = connect(server.adminUrl);
    await client.set(list(), 'of somebody else');

    expect(await limiter.consume(daily, 'ada', { cost: 70 })).toMatchObject({ allowed: true, remaining: 30 });
    expect(await ask('ada')).toBe(200);
    await expect(admin.fullest(daily)).rejects.toThrow(/WRONGTYPE/);
    await client.del(list());
    expect(await limiter.consume(daily, 'ada')).toMatchObject({ remaining: 28 });
    expect(await admin.fullest(daily)).toMatchObject([{ key: 'ada', missing: 72 }]);
  });

  it('can be switched off', async () => {
    const { admin, limiter } = await boot('Redis', { fullest: false });
    await limiter.consume(daily, 'ada', { cost: 100 });

    await expect(admin.fullest(daily)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringMatching(/^RateLimitAdmin\.fullest: fullest is false .* write fullest: true/),
    });
    expect(await connect(server.adminUrl).exists(list())).toBe(0);
  });
});
