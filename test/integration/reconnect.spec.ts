// How soon a client is back that would, left alone, come back late or never.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RateLimiterService, StoreHealth, tokenBucket } from '../../lib/index.js';
import { bootApp, closeApps } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { closeClients, connect5, connect6 } from '../support/redis/clients.js';
import { conditions } from '../support/redis/conditions.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';
import { TcpProxy } from '../support/tcp-proxy.js';

let server: RedisServer;
let proxy: TcpProxy;

beforeEach(async () => {
  server = await startRedis();
  proxy = await TcpProxy.start(server);
});
afterEach(async () => {
  await closeApps();
  await closeClients();
  await proxy.stop();
  await server.stop();
});

const quota = tokenBucket({ name: 'quota', capacity: 100, rate: 1 });

const appOn = async (redis: ReturnType<typeof connect6> | string) => {
  const { app } = await bootApp({ rateLimit: { redis, storeTimeoutMs: 100 } });
  const service = app.get(RateLimiterService);
  return { health: app.get(StoreHealth), take: async () => (await service.consume(quota, 'ada')).source };
};

const state = (health: StoreHealth, wanted: 'open' | 'closed') =>
  eventually(() => health.state === wanted, `the store is ${wanted}`);

describe.each([
  ['ioredis 5', connect5 as unknown as typeof connect6],
  ['ioredis 6', connect6],
])('a client of %s', (_, connect) => {
  it('that would try again in a minute is back when the server is, and not when that is frozen', async () => {
    const client = connect(server.url, { retryStrategy: () => 60_000 });
    const { health } = await appOn(client);
    await server.kill();
    await state(health, 'open');
    await server.start();
    server.pause();
    await sleep(600);
    expect(client.status).toBe('reconnecting');
    server.resume();
    await state(health, 'closed');
    expect(client.status).toBe('ready');
  });

  it('is not brought back once its application has closed it', async () => {
    const client = connect(server.url, { retryStrategy: () => 700 });
    const { health } = await appOn(client);
    await server.kill();
    await state(health, 'open');
    await server.start();
    await state(health, 'closed');
    client.disconnect();
    await sleep(800);
    expect(client.status).toBe('end');
  });

  it('keeps its connection, whatever that carries, for others may wait in it', async () => {
    const client = connect(proxy.url);
    const { take } = await appOn(client);
    const { stream } = client;
    proxy.abandon();
    expect(await take()).toBe('memory');
    await sleep(1200);
    expect(client.stream).toBe(stream);
    expect(stream.destroyed).toBe(false);
  });

  it('keeps a connection on which a server says that it does not decide, for others use it too', async () => {
    const client = connect(server.adminUrl);
    const { health, take } = await appOn(client);
    const { stream } = client;
    const end = await conditions.full.begin(server);
    expect(await take()).toBe('memory');
    await sleep(1000);
    expect(health.state).toBe('open');
    expect(client.stream).toBe(stream);
    await end();
    await state(health, 'closed');
  });
});

it('a client that was opened here gives up a connection that carries nothing any more', async () => {
  const { health, take } = await appOn(proxy.url);
  expect(await take()).toBe('redis');
  proxy.abandon();
  expect(await take()).toBe('memory');
  await state(health, 'closed');
  expect(await take()).toBe('redis');
});
