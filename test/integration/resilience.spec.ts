// What a request gets where Redis is frozen, killed or not there yet, and what is left when it is back: on a real server.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get, Logger } from '@nestjs/common';
import type { RedisOptions } from 'ioredis';
import {
  type CombinedDecision,
  type DecisionMessage,
  leakyBucket,
  type Policy,
  RateLimiterService,
  type RateLimitModuleOptions,
  type StoreChange,
  StoreHealth,
  TokenBucket,
  tokenBucket,
} from '../../lib/index.js';
import { bootApp, closeApps, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { closeClients, connectCluster } from '../support/redis/clients.js';
import { type RedisCluster, startCluster } from '../support/redis/cluster.js';
import { command } from '../support/redis/raw.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';

const TIMEOUT_MS = 100;

const quota = tokenBucket({ name: 'quota', capacity: 10, rate: '1/365d' });
const line = leakyBucket({ name: 'line', capacity: 10, rate: 20 });
const open = tokenBucket({ name: 'open', capacity: 1, rate: '1/365d', onStoreError: 'allow' });
const shut = tokenBucket({ name: 'shut', capacity: 10, rate: '1/365d', onStoreError: 'deny' });

@Controller()
class CatsController {
  @TokenBucket({ capacity: 3, rate: '1/365d' })
  @Get('cats')
  cats(): string {
    return 'cats';
  }

  @TokenBucket({ capacity: 3, rate: '1/365d', onStoreError: 'deny' })
  @Get('dogs')
  dogs(): string {
    return 'dogs';
  }
}

let server: RedisServer;
let service: RateLimiterService;
let health: StoreHealth;
let app: TestApp;

const boot = async (options: RateLimitModuleOptions = {}) => {
  app = await bootApp({
    controllers: [CatsController],
    rateLimit: {
      redis: server.url,
      storeTimeoutMs: TIMEOUT_MS,
      policies: [quota, line, open, shut],
      ...options,
    },
  });
  service = app.app.get(RateLimiterService);
  health = app.app.get(StoreHealth);
};

/** The store decides again. */
const recovered = () => eventually(() => health.state === 'closed', 'the store decides again');

const timed = async <T>(make: () => Promise<T>): Promise<{ value: T; ms: number }> => {
  const start = performance.now();
  const value = await make();
  return { value, ms: performance.now() - start };
};

beforeEach(async () => {
  server = await startRedis();
});
afterEach(async () => {
  await closeApps();
  await server.stop();
});

describe('while the server is frozen', () => {
  beforeEach(async () => {
    await boot();
    expect(await service.consume(quota, 'ada', { cost: 4 })).toMatchObject({ source: 'redis' });
    server.pause();
  });
  afterEach(() => server.resume());

  it('a decision is made here within the deadline, and at once when that is known', async () => {
    const first = await timed(() => service.consume(quota, 'ada'));
    expect(first.value).toMatchObject({ allowed: true, source: 'memory', remaining: 9 });
    expect(first.ms).toBeLessThan(10 * TIMEOUT_MS);
    const second = await timed(() => service.consume(quota, 'ada'));
    expect(second.value).toMatchObject({ source: 'memory', remaining: 8 });
    expect(second.ms).toBeLessThan(TIMEOUT_MS);
  });

  it('each policy says what becomes of its requests', async () => {
    expect(await service.consume(open, 'ada', { cost: 1 })).toMatchObject({ allowed: true, source: 'allow' });
    expect(await service.consume(open, 'ada', { cost: 1 })).toMatchObject({ allowed: true, source: 'allow' });
    expect(await service.consume(shut, 'ada')).toMatchObject({
      allowed: false,
      source: 'deny',
      remaining: 0,
      retryAfterMs: 1000,
    });
  });

  it('each policy says it too where several are asked together', async () => {
    const all = (...policies: Policy[]) =>
      service.consumeAll(policies.map((policy) => ({ policy, key: 'ada' })));
    const sourcesOf = ({ decisions }: CombinedDecision) => decisions.map(({ source }) => source);
    const passed = await all(quota, open);
    expect(passed.allowed).toBe(true);
    expect(sourcesOf(passed)).toEqual(['memory', 'allow']);
    const denied = await all(open, quota, shut);
    expect(denied.allowed).toBe(false);
    expect(sourcesOf(denied)).toEqual(['allow', 'memory', 'deny']);
  });

  it('what was taken here is charged there when it thaws, with nothing else taken', async () => {
    await Promise.all(Array.from({ length: 3 }, () => service.consume(quota, 'ada')));
    await service.consume(quota, 'bob', { cost: 5 });
    server.resume();
    await recovered();
    expect(await service.peek(quota, 'ada', { cost: 0 })).toMatchObject({ source: 'redis', remaining: 3 });
    const { remaining } = await service.peek(quota, 'bob', { cost: 0 });
    expect(remaining).toBe(5);
  });

  it('a call that is no decision fails with a code, within the deadline', async () => {
    const { ms } = await timed(() =>
      expect(service.reset(quota, 'ada')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' }),
    );
    expect(ms).toBeLessThan(10 * TIMEOUT_MS);
  });

  it('the application can close, whatever the options of the client are', async () => {
    const opened = { ...server.options, socketTimeout: undefined };
    const other = await bootApp({ rateLimit: { redis: opened as RedisOptions, policies: [quota] } });
    server.resume();
    const source = async () => (await other.app.get(RateLimiterService).consume(quota, 'ada')).source;
    await eventually(async () => (await source()) === 'redis', 'it is connected');
    server.pause();
    expect((await timed(() => other.app.close())).ms).toBeLessThan(3000);
  });

  it('a route answers: by a bucket here, or 503 where the policy denies', async () => {
    const statuses = await app.statuses(4, '/cats');
    expect(statuses).toEqual([200, 200, 200, 429]);
    const refused = await app.request('/dogs');
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await refused.json()).toMatchObject({
      type: 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity',
      status: 503,
      'violated-policies': ['CatsController.dogs'],
    });
  });
});

it('a decision that asks for limits set at run time as well waits once', async () => {
  await boot({ storeTimeoutMs: 1000, limitsRefreshMs: 0 });
  server.pause();
  const { value, ms } = await timed(() => service.consume(quota, 'ada'));
  server.resume();
  expect(value).toMatchObject({ allowed: true, source: 'memory' });
  expect(ms).toBeLessThan(1900);
});

describe('one master of a cluster that is frozen', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(async () => {
    await closeClients();
    await cluster.stop();
  });

  it('concerns its keys only, and is charged when it is back', async () => {
    await boot({ redis: connectCluster(cluster.nodes), storeTimeoutMs: 300 });
    const keys = Array.from({ length: 12 }, (_, i) => `user-${i}`);
    const sources = async () => {
      const decisions = await Promise.all(keys.map((key) => service.consume(quota, key)));
      return decisions.map(({ source }) => source);
    };
    expect(new Set(await sources())).toEqual(new Set(['redis']));
    const [frozen] = cluster.nodes;
    frozen?.pause();
    const during = await sources();
    expect(new Set(during)).toEqual(new Set(['redis', 'memory']));
    expect(health.openNodes.map(({ node }) => node)).toEqual([`127.0.0.1:${frozen?.port}`]);
    // Who asks for keys of both waits for neither.
    const both = [during.indexOf('redis'), during.indexOf('memory')].map((i) => ({
      policy: quota,
      key: keys[i] as string,
    }));
    const { value, ms } = await timed(() => service.consumeAll(both));
    expect(value.decisions.map(({ source }) => source)).toEqual(['memory', 'memory']);
    expect(ms).toBeLessThan(300);
    frozen?.resume();
    await recovered();
    const left = async () => {
      const decisions = await Promise.all(keys.map((key) => service.peek(quota, key, { cost: 0 })));
      return decisions.map(({ remaining }) => remaining);
    };
    // Two each, and one more of the two that were asked for together.
    const expected = keys.map((key) => 8 - both.filter((one) => one.key === key).length);
    await eventually(async () => (await left()).join() === expected.join(), 'all is charged');
  });
});

describe('a server that is down at boot', () => {
  it('is told once, and decides when it is there', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    const log = jest.spyOn(Logger.prototype, 'log').mockImplementation(() => undefined);
    const error = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    await server.kill();
    await boot();
    expect(await app.statuses(4, '/cats')).toEqual([200, 200, 200, 429]);
    expect(await service.consume(quota, 'ada', { cost: 4 })).toMatchObject({ source: 'memory' });
    await server.start();
    await recovered();
    expect(await service.peek(quota, 'ada', { cost: 0 })).toMatchObject({ source: 'redis', remaining: 6 });
    expect(await app.statuses(1, '/cats')).toEqual([429]);
    const told = [...warn.mock.calls, ...error.mock.calls, ...log.mock.calls].map(([text]) => String(text));
    expect(told.filter((text) => text.includes('store'))).toEqual([
      expect.stringMatching(/^the store does not decide \(.+\); until it does/),
      expect.stringMatching(/^the store decides again, after \d+\.\d s$/),
    ]);
    expect(told.filter((text) => /ECONNREFUSED|limits that were set/.test(text))).toEqual([
      expect.stringContaining('ECONNREFUSED'),
    ]);
    jest.restoreAllMocks();
  });
});

describe('a server that is killed, and comes back empty', () => {
  beforeEach(async () => {
    await boot({ sourceHeader: true, fallbackInstances: 2 });
    await service.consume(quota, 'ada', { cost: 4 });
    await server.kill();
    await eventually(() => health.state === 'open', 'the connection is known to be lost');
  });

  it('is known to be gone before anybody has waited for it', async () => {
    const { value, ms } = await timed(() => service.consume(quota, 'ada'));
    // One of two instances, so half of the limit.
    expect(value).toMatchObject({ allowed: true, source: 'memory', limit: 5, remaining: 4 });
    expect(ms).toBeLessThan(TIMEOUT_MS);
  });

  it('is told of in the header, before and after', async () => {
    const source = async () => (await app.request('/cats')).headers.get('x-ratelimit-source');
    expect(await source()).toBe('memory');
    await server.start();
    await recovered();
    expect(await source()).toBe('redis');
  });

  it('finds what was taken meanwhile, and no more', async () => {
    for (let i = 0; i < 5; i++) await service.consume(quota, 'ada');
    expect(await service.consume(quota, 'ada')).toMatchObject({ allowed: false, source: 'memory' });
    await server.start();
    await recovered();
    expect(await service.consume(quota, 'ada', { cost: 5 })).toMatchObject({ allowed: true, remaining: 0 });
  });

  it('has who waits for a turn wait here', async () => {
    const start = performance.now();
    await Promise.all([1, 2, 3].map(() => service.acquire(line, 'ada')));
    // Half of 20 a second.
    expect(performance.now() - start).toBeGreaterThan(190);
  });

  it('settles an estimate where it was taken, and cannot settle what it does not know', async () => {
    const reserved = await service.reserve(quota, 'eve', { cost: 4 });
    expect(await service.settle(reserved, 1)).toEqual({ settled: true, charged: -3 });
    expect(await service.refund(quota, 'eve', 1)).toBe(true);
    const unknown = { ...reserved, id: 'A'.repeat(16) };
    await expect(service.settle(unknown, 1)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(service.refund(quota, 'nobody', 1)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('learns of a block and of what the other side has said', async () => {
    await service.block(quota, 'bob', { forMs: 60_000 });
    await service.sync(quota, 'eve', { remaining: 3 });
    expect(await service.consume(quota, 'bob')).toMatchObject({ allowed: false, source: 'memory' });
    await server.start();
    await recovered();
    await eventually(async () => {
      const { source, retryAfterMs } = await service.peek(quota, 'bob');
      return source === 'redis' && (retryAfterMs ?? 0) > 50_000;
    }, 'the block is known there');
    expect(await service.peek(quota, 'eve', { cost: 0 })).toMatchObject({ source: 'redis', remaining: 3 });
  });
});

describe('a failure of one key', () => {
  it('is answered by a bucket here and told once, and the store decides all others', async () => {
    const error = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    await boot({ prefix: 'floodgate:keyed' });
    await command(server.port, 'SET', 'floodgate:keyed:quota:{ada}', 'no bucket');
    await command(server.port, 'LPUSH', 'floodgate:keyed:quota:{bob}', 'a list');
    for (const key of ['ada', 'bob', 'ada', 'bob']) {
      expect(await service.consume(quota, key)).toMatchObject({ source: 'memory' });
    }
    expect(await service.consume(quota, 'eve')).toMatchObject({ source: 'redis' });
    expect(health.state).toBe('closed');
    expect(error.mock.calls.map(([text]) => String(text).slice(0, 44))).toEqual([
      "the store cannot decide 'quota:{ada}' (told ",
      "the store cannot decide 'quota:{bob}' (told ",
    ]);
    jest.restoreAllMocks();
  });
});

describe('an observer', () => {
  it('is told of each change, and one that throws is logged and breaks nothing', async () => {
    const error = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const told: StoreChange[] = [];
    const listen = (message: unknown) => told.push(message as StoreChange);
    subscribe('nestjs-floodgate:store', listen);
    await boot();
    health.onChange(() => {
      throw new Error('a listener has failed');
    });
    server.pause();
    expect(await service.consume(quota, 'ada')).toMatchObject({ allowed: true, source: 'memory' });
    server.resume();
    await recovered();
    unsubscribe('nestjs-floodgate:store', listen);
    expect(told).toEqual([
      { state: 'open', node: '', reason: `no answer within ${TIMEOUT_MS} ms` },
      { state: 'closed', node: '', openForMs: expect.any(Number) },
    ]);
    expect(error.mock.calls.filter(([text]) => String(text).includes('a listener has failed'))).toHaveLength(
      2,
    );
    jest.restoreAllMocks();
  });

  it('of decisions learns who has made them', async () => {
    const told: string[] = [];
    const listen = (message: unknown) => told.push((message as DecisionMessage).decision.source);
    subscribe('nestjs-floodgate:decision', listen);
    await boot();
    await service.consume(quota, 'ada');
    server.pause();
    await service.consume(quota, 'ada');
    server.resume();
    unsubscribe('nestjs-floodgate:decision', listen);
    expect(told).toEqual(['redis', 'memory']);
  });
});
