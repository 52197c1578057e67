// The permissions of docs/redis.md are enough for everything, and none of them is too much.
// `npm run test:acl` runs all that talks to a server as this user.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { RateLimitAdmin, RateLimiterService, tokenBucket } from '../../lib/index.js';
import { openRedis } from '../../lib/stores/redis/open-redis.js';
import type { RedisClient } from '../../lib/stores/redis/redis-client.js';
import * as generated from '../../lib/stores/redis/scripts/generated.js';
import { bootApp, closeApps } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { everyOperation } from '../support/every-operation.js';
import { closeClients, connect, connectCluster } from '../support/redis/clients.js';
import { type RedisCluster, startCluster } from '../support/redis/cluster.js';
import { readDocumentedUser, refusedTo } from '../support/redis/documented-user.js';
import { command } from '../support/redis/raw.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';

const single = readDocumentedUser();
const onCluster = readDocumentedUser({ cluster: true });
const chat = tokenBucket({ name: 'chat', capacity: 5, rate: '1/h' });
const commandsOf = (rules: readonly string[]) => rules.filter((rule) => rule.startsWith('+'));

const fail = (message: string) => {
  throw new Error(message);
};

/** The errors of a store that has only this client. Twice: ioredis sends a script's text first, and then its hash. */
async function useEverything(client: RedisClient): Promise<unknown[]> {
  const redis = { kind: 'client' as const, client };
  const { store } = await openRedis(redis, { prefix: 'floodgate' }, fail);
  return [...(await everyOperation(store)), ...(await everyOperation(store))];
}

/** Makes the user anew on a server that knows no script, without one of its commands. */
async function renew(server: RedisServer, rules: readonly string[], without?: string): Promise<void> {
  const kept = rules.filter((rule) => rule !== without);
  await command(server.port, 'ACL', 'SETUSER', single.name, 'reset', ...kept);
  await command(server.port, 'ACL', 'LOG', 'RESET');
  await command(server.port, 'SCRIPT', 'FLUSH');
}

afterEach(closeApps);
afterEach(closeClients);

describe('on a single server', () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await startRedis({ user: single });
  });
  afterAll(() => server.stop());

  it('every operation is granted, and each script runs', async () => {
    expect(await useEverything(connect(server.url))).toEqual([]);
    expect(await refusedTo(single, server.port)).toEqual([]);
    const hashes = Object.values(generated).map(({ lua }) => createHash('sha1').update(lua).digest('hex'));
    const known = await connect(server.adminUrl).script('EXISTS', ...hashes);
    expect(known).toEqual(hashes.map(() => 1));
  });

  it('keys of others are not', async () => {
    const others = connect(server.url);
    await expect(others.get('session:ada')).rejects.toThrow('NOPERM');
    await expect(others.get('floodgatekeeper:ada')).rejects.toThrow('NOPERM');
  });

  it.each(commandsOf(single.rules))('%s is needed', async (rule) => {
    // ioredis says so where it may not ask for INFO.
    const warn = jest.spyOn(console, 'warn').mockReturnValue();
    await renew(server, single.rules, rule);
    const errors = await useEverything(connect(server.url));
    expect(await refusedTo(single, server.port)).toContain(`command ${rule.slice(1)}`);
    expect(errors.length > 0 || warn.mock.calls.length > 0).toBe(true);
    warn.mockRestore();
  });

  it('those of the fullest buckets are needed by nothing else', async () => {
    await renew(server, readDocumentedUser({ without: ['+zadd', '+zrange'] }).rules);
    const { app } = await bootApp({ rateLimit: { redis: server.url } });
    const service = app.get(RateLimiterService);
    for (let i = 0; i < 3; i++) {
      expect(await service.consume(chat, 'ada')).toMatchObject({ source: 'redis' });
      await sleep(20);
    }
    await eventually(async () => (await refusedTo(single, server.port)).includes('command zadd'), 'refused');
    expect(await service.consume(chat, 'ada')).toMatchObject({ source: 'redis' });
    await expect(app.get(RateLimitAdmin).fullest(chat)).rejects.toThrow(/permission|can't run/);
    expect(await service.consume(chat, 'ada')).toMatchObject({ source: 'redis' });
  });
});

describe('on a Cluster', () => {
  let cluster: RedisCluster;

  beforeAll(async () => {
    cluster = await startCluster({ user: onCluster });
  });
  afterAll(() => cluster.stop());

  const refused = async () =>
    (await Promise.all(cluster.nodes.map(({ port }) => refusedTo(onCluster, port)))).flat();

  it('every operation is granted', async () => {
    expect(await useEverything(connectCluster(cluster.nodes))).toEqual([]);
    expect(await refused()).toEqual([]);
  });

  const more = commandsOf(onCluster.rules.slice(single.rules.length)).filter((rule) => rule !== '+asking');

  it.each(more)('%s is needed', async (rule) => {
    await Promise.all(cluster.nodes.map((node) => renew(node, onCluster.rules, rule)));
    await useEverything(connectCluster(cluster.nodes, { clusterRetryStrategy: () => null }));
    expect(await refused()).toContain(`command ${rule.slice(1)}`);
  });

  it('a slot that is half moved is found: ASKING is granted', async () => {
    const [from, to] = cluster.nodes;
    // That of `{3560}`.
    const slot = '0';
    const ids = await Promise.all([from!, to!].map(({ port }) => command(port, 'CLUSTER', 'MYID')));
    await command(to!.port, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', ids[0]!);
    await command(from!.port, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', ids[1]!);
    try {
      await Promise.all(cluster.nodes.map((node) => renew(node, onCluster.rules)));
      // Where it is refused, nobody catches the error of ioredis.
      expect(await connectCluster(cluster.nodes).get('floodgate:{3560}')).toBeNull();
      expect(await refused()).toEqual([]);
    } finally {
      for (const { port } of [from!, to!]) await command(port, 'CLUSTER', 'SETSLOT', slot, 'STABLE');
    }
  });
});
