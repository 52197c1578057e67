// What a request gets where Redis is frozen, killed or not there yet, and what is left when it is back: on a real server.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import {
  RateLimiterService,
  type RateLimitModuleOptions,
  StoreHealth,
  TokenBucket,
  tokenBucket,
} from '../../lib/index.js';
import { bootApp, closeApps, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';

const TIMEOUT_MS = 100;

const quota = tokenBucket({ name: 'quota', capacity: 10, rate: '1/365d' });
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
    rateLimit: { redis: server.url, storeTimeoutMs: TIMEOUT_MS, policies: [quota, open, shut], ...options },
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
    expect(first.ms).toBeLessThan(TIMEOUT_MS + 50);
    const second = await timed(() => service.consume(quota, 'ada'));
    expect(second.value).toMatchObject({ source: 'memory', remaining: 8 });
    expect(second.ms).toBeLessThan(20);
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
    expect(ms).toBeLessThan(TIMEOUT_MS + 50);
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
