import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { RateLimiterService, tokenBucket } from '../../lib/index.js';
import { RedisStore } from '../../lib/stores/redis/redis.store.js';
import { bootApp, closeApps } from '../support/app.js';
import { everyOperation } from '../support/every-operation.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import { closeClients, connect } from '../support/redis/clients.js';
import { list } from '../support/redis/raw.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';
import { ShardingProxy } from '../support/redis/sharding-proxy.js';

const daily = tokenBucket({ name: 'daily', capacity: 10, rate: '1/365d' });
const KEYS = Array.from({ length: 60 }, (_, i) => `key-${i}`);

let servers: RedisServer[];
let proxy: ShardingProxy;
let prefix: string;

beforeAll(async () => {
  servers = await Promise.all([startRedis({ user: undefined }), startRedis({ user: undefined })]);
});
beforeEach(async () => {
  prefix = freshPrefix('sharded');
  proxy = await ShardingProxy.start(servers.map(({ port }) => port));
});
afterEach(async () => {
  await closeApps();
  await closeClients();
  proxy.stop();
});
afterAll(() => Promise.all(servers.map((server) => server.stop())));

const open = () => connect(proxy.url, { enableReadyCheck: false, disableClientInfo: true });

async function boot(partitions?: number): Promise<RateLimiterService> {
  const rateLimit = { redis: open(), prefix, partitions, policies: [daily] };
  return (await bootApp({ rateLimit })).app.get(RateLimiterService);
}

const namesOf = (server: RedisServer) => list(server.port, 'KEYS', `${prefix}:*`);

it('with one partition, all that is decided in one call has one hash tag', async () => {
  const service = await boot(1);
  for (const remaining of [9, 8]) {
    const decisions = await Promise.all(KEYS.map((key) => service.consume(daily, key)));
    expect(decisions.map((decision) => [decision.remaining, decision.source])).toEqual(
      KEYS.map(() => [remaining, 'redis']),
    );
  }
  const both = ['ada', 'bob'].map((key) => ({ policy: daily, key }));
  expect(await service.consumeAll(both)).toMatchObject({
    allowed: true,
    decisions: [{ source: 'redis' }, {}],
  });
  expect(proxy.refused).toBe(0);
  // So one server has them all.
  const names = (await Promise.all(servers.map(namesOf))).map((found) =>
    found.filter((name) => name.includes(':daily:')),
  );
  expect(names.map(({ length }) => length).sort()).toEqual([0, 62]);
});

it('with one partition, everything else finds its keys too', async () => {
  const store = new RedisStore(open(), { prefix, partitions: 1, timeoutMs: 5000 });
  expect(await everyOperation(store)).toEqual([]);
  expect(proxy.refused).toBe(0);
});

it.each([undefined, 2])('with %p partitions, what has several hash tags is refused', async (partitions) => {
  const service = await boot(partitions);
  const stack = KEYS.slice(0, 10).map((key) => ({ policy: daily, key }));
  const { decisions } = await service.consumeAll(stack);
  expect(new Set(decisions.map(({ source }) => source))).toEqual(new Set(['memory']));
  expect(proxy.refused).toBeGreaterThan(0);
});
