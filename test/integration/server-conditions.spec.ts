// Servers that answer, but not with a decision.
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  RateLimiterService,
  type RateLimitModuleOptions,
  StoreHealth,
  tokenBucket,
} from '../../lib/index.js';
import { RedisStore } from '../../lib/stores/redis/redis.store.js';
import { bootApp, closeApps } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import { ask } from '../support/limits.js';
import { closeClients, connect, connectCluster } from '../support/redis/clients.js';
import { type RedisCluster, startCluster } from '../support/redis/cluster.js';
import { type Condition, conditions } from '../support/redis/conditions.js';
import { command } from '../support/redis/raw.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';

const chat = tokenBucket({ name: 'chat', capacity: 1000, rate: '1/h' });
const anyone = { name: 'anyone', password: 'secret', rules: ['on', '>secret', '~*', '+@all'] };

let server: RedisServer;
let cluster: RedisCluster;

beforeAll(async () => {
  [server, cluster] = await Promise.all([startRedis({ user: anyone }), startCluster({ masters: 1 })]);
});
afterEach(closeApps);
afterEach(closeClients);
afterAll(() => Promise.all([server.stop(), cluster.stop()]));

const storeOf = (client: ConstructorParameters<typeof RedisStore>[0]) =>
  ask(new RedisStore(client, { prefix: freshPrefix('conditions') }));

describe('a store', () => {
  it.each(['full', 'demoted', 'busy', 'forbidden'] as const)(
    'on a server that is %s says so, and goes on afterwards',
    async (name) => {
      const { take } = storeOf(connect(server.url));
      await take(chat, 'ada');
      const end = await conditions[name].begin(server);
      await expect(take(chat, 'ada')).rejects.toThrow(conditions[name].says);
      await end();
      expect(await take(chat, 'ada')).toMatchObject({ allowed: true, remaining: 998 });
    },
  );

  it('on a cluster that is down says so, and goes on afterwards', async () => {
    const { take } = storeOf(connectCluster(cluster.nodes, { retryDelayOnClusterDown: 1 }));
    await take(chat, 'ada');
    const end = await conditions.uncovered.begin(cluster.nodes[0]!);
    await expect(take(chat, 'ada')).rejects.toThrow(conditions.uncovered.says);
    await end();
    expect(await take(chat, 'ada')).toMatchObject({ allowed: true, remaining: 998 });
  });

  it('whose scripts are flushed again and again answers every request once', async () => {
    const { take } = storeOf(connect(server.url, { enableAutoPipelining: true }));
    let isLoaded = true;
    let flushes = 0;
    const admin = connect(server.adminUrl);
    const flushing = (async () => {
      for (; isLoaded; flushes++) await admin.script('FLUSH');
    })();
    const loop = async () => {
      const told: boolean[] = [];
      for (let i = 0; i < 60; i++) told.push((await take(chat, 'ada')).allowed);
      return told;
    };
    const told = (await Promise.all(Array.from({ length: 20 }, loop))).flat();
    isLoaded = false;
    await flushing;
    expect(flushes).toBeGreaterThan(20);
    expect(told.filter((allowed) => allowed)).toHaveLength(1000);
    expect(told).toHaveLength(1200);
  });

  it('that finds something else where a bucket should be fails for that key alone', async () => {
    const prefix = freshPrefix('conditions');
    const { take } = ask(new RedisStore(connect(server.url), { prefix }));
    await command(server.port, 'HSET', `${prefix}:chat:{ada}`, 'a', '1');
    await expect(take(chat, 'ada')).rejects.toThrow('WRONGTYPE');
    expect(await take(chat, 'grace')).toMatchObject({ allowed: true, remaining: 999 });
    await command(server.port, 'DEL', `${prefix}:chat:{ada}`);
    expect(await take(chat, 'ada')).toMatchObject({ allowed: true, remaining: 999 });
  });
});

describe('a server that evicts', () => {
  const brief = tokenBucket({ name: 'brief', capacity: 10, rate: '10/h' });
  const small = async (policy: string) => {
    await command(server.port, 'FLUSHALL');
    const used = Number(/used_memory:(\d+)/.exec(await command(server.port, 'INFO', 'memory'))![1]);
    const settings = [
      'maxmemory',
      String(used + 300_000),
      'maxmemory-policy',
      policy,
      'maxmemory-samples',
      '10',
    ];
    await command(server.port, 'CONFIG', 'SET', ...settings);
  };
  const evicted = async () =>
    Number(/evicted_keys:(\d+)/.exec(await command(server.port, 'INFO', 'stats'))![1]);
  afterEach(() => command(server.port, 'CONFIG', 'SET', 'maxmemory', '0'));

  it.each(['volatile-ttl', 'allkeys-lru'])('by %s answers every request', async (policy) => {
    const { take } = storeOf(connect(server.url, { enableAutoPipelining: true }));
    await small(policy);
    const before = await evicted();
    await take(chat, 'ada', 1000);
    const told = await Promise.all(Array.from({ length: 3000 }, (_, i) => take(brief, `visitor ${i}`)));
    expect(told.every(({ allowed, source }) => allowed && source === 'redis')).toBe(true);
    expect((await evicted()) - before).toBeGreaterThan(500);
    // What is full soonest goes first: who has used up an hour's tokens is still known.
    if (policy === 'volatile-ttl') expect(await take(chat, 'ada')).toMatchObject({ allowed: false });
  });
});

describe('an application', () => {
  const TIMEOUT_MS = 200;

  async function boot(redis: RateLimitModuleOptions['redis'], prefix = freshPrefix('conditions')) {
    const { app } = await bootApp({
      rateLimit: { redis, prefix, storeTimeoutMs: TIMEOUT_MS, policies: [chat] },
    });
    const [service, health] = [app.get(RateLimiterService), app.get(StoreHealth)];
    return {
      health,
      async consume(key: string) {
        const start = performance.now();
        const { allowed, remaining, source } = await service.consume(chat, key);
        expect(performance.now() - start).toBeLessThan(TIMEOUT_MS + 100);
        return [allowed, remaining, source];
      },
    };
  }

  async function outlives(
    name: keyof typeof conditions,
    on: RedisServer,
    redis: RateLimitModuleOptions['redis'],
  ) {
    const { begin, says, opensWith } = conditions[name] as Condition;
    const { consume, health } = await boot(redis);
    expect(await consume('ada')).toEqual([true, 999, 'redis']);
    const end = await begin(on);
    // It is known at the first failure, and what is not there yet is a full bucket of this process.
    expect(await consume('ada')).toEqual([true, 999, 'memory']);
    expect(await consume('ada')).toEqual([true, 998, 'memory']);
    expect(health.openNodes).toEqual([
      expect.objectContaining({ reason: expect.stringMatching(opensWith ?? says) }),
    ]);
    await end();
    const start = performance.now();
    await eventually(() => health.state === 'closed', 'the store decides again');
    expect(performance.now() - start).toBeLessThan(3000);
    // With what was taken here meanwhile.
    expect(await consume('ada')).toEqual([true, 996, 'redis']);
  }

  it.each(['full', 'demoted', 'busy', 'forbidden', 'lockedOut', 'loading'] as const)(
    'whose server is %s decides by itself in time, and on the server as soon as that can',
    (name) => outlives(name, server, server.options),
  );

  it('whose cluster is down decides by itself in time, and there as soon as it is up', () =>
    outlives('uncovered', cluster.nodes[0]!, connectCluster(cluster.nodes)));

  it('does so for one key alone where something else lies in its place', async () => {
    const prefix = freshPrefix('conditions');
    const { consume, health } = await boot(server.options, prefix);
    await command(server.port, 'HSET', `${prefix}:chat:{ada}`, 'a', '1');
    expect(await consume('ada')).toEqual([true, 999, 'memory']);
    expect(health.state).toBe('closed');
    expect(await consume('grace')).toEqual([true, 999, 'redis']);
    await command(server.port, 'DEL', `${prefix}:chat:{ada}`);
    expect(await consume('ada')).toEqual([true, 998, 'redis']);
    expect(health.state).toBe('closed');
  });
});
