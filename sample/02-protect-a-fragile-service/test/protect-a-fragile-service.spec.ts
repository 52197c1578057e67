// Processes of their own, as in production: a Redis, the fragile service, four instances of the application.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { CompiledLib } from '../../../test/support/compiled-lib.js';
import { NodeServer } from '../../../test/support/processes/node-server.js';
import { type RedisServer, startRedis } from '../../../test/support/redis/server.js';
import type { Arrivals } from '../src/arrivals.js';

const SOURCES = 'sample/02-protect-a-fragile-service/src';
const REQUESTS = 60;

let lib: CompiledLib;
let redis: RedisServer;
let fragile: NodeServer;
let instances: NodeServer[] = [];
let alone: NodeServer;

beforeAll(async () => {
  [lib, redis] = await Promise.all([CompiledLib.create(SOURCES), startRedis()]);
  fragile = await NodeServer.start(program('fragile-service.js'));
  const shared = { PORT: '0', REDIS_URL: redis.url, FRAGILE_URL: fragile.url };
  const starting = Array.from({ length: 4 }, () => NodeServer.start(program('main.js'), shared));
  const itself = { PORT: '0', REDIS_URL: undefined, FRAGILE_URL: undefined };
  [alone, ...instances] = await Promise.all([NodeServer.start(program('main.js'), itself), ...starting]);
});

afterAll(async () => {
  await Promise.all([alone, ...instances, fragile].map((server) => server?.stop()));
  await Promise.all([redis?.stop(), lib?.remove()]);
});

it('four instances take 60 orders at once, and the service never sees a burst', async () => {
  const start = performance.now();
  const statuses = await orderAtOnce(instances, '/orders');
  const elapsed = performance.now() - start;
  const stats = await statsOf(fragile.url);
  expect(statuses).toEqual(Array(REQUESTS).fill(201));
  expect(stats).toMatchObject({ served: REQUESTS, refused: 0 });
  // They are 100 ms apart but for lateness, which spoils a few at most. In four lines three of four would be close.
  expect(stats.close).toBeLessThanOrEqual(REQUESTS / 10);
  // One line for all: the sixtieth place. Four lines would be through in a quarter of it.
  expect(elapsed).toBeGreaterThanOrEqual(100 * (REQUESTS - 1));
});

it('the same burst without the limit is too much for the service', async () => {
  const statuses = await orderAtOnce([alone], '/orders/unprotected');
  const stats = await statsOf(fragileUrlOf(alone));
  const refused = statuses.filter((status) => status === 503).length;
  expect(refused).toBeGreaterThan(0);
  expect(statuses.filter((status) => status === 201)).toHaveLength(REQUESTS - refused);
  expect(stats).toMatchObject({ served: REQUESTS - refused, refused });
});

it('the service that an instance has started ends with it', async () => {
  const url = fragileUrlOf(alone);
  await statsOf(url);
  await alone.terminate();
  await expect(statsOf(url)).rejects.toThrow('fetch failed');
});

function program(file: string): string {
  return join(lib.folder, SOURCES, file);
}

/** The status codes of all orders, which go to one server after the other. */
function orderAtOnce(servers: NodeServer[], path: string): Promise<number[]> {
  const order = async (i: number) => {
    const response = await fetch(servers[i % servers.length]!.url + path, { method: 'POST' });
    await response.arrayBuffer();
    return response.status;
  };
  return Promise.all(Array.from({ length: REQUESTS }, (_, i) => order(i)));
}

async function statsOf(url: string): Promise<ReturnType<Arrivals['stats']>> {
  return (await fetch(`${url}/stats`)).json() as Promise<ReturnType<Arrivals['stats']>>;
}

/** As the application prints it. */
function fragileUrlOf(server: NodeServer): string {
  return /(http:\S+)\/stats/.exec(server.log())![1]!;
}
