import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, type Type } from '@nestjs/common';
import {
  byGlobal,
  type Decision,
  LeakyBucket,
  leakyBucket,
  RateLimit,
  RateLimitDecision,
  RateLimiterService,
  TokenBucket,
  tokenBucket,
} from '../../lib/index.js';
import { adapters, bootApp, closeApps, type TestApp } from '../support/app.js';
import { ManualClock } from '../support/manual-clock.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';
import { catsWith, remaining } from '../support/routes.js';

interface Start {
  at: number;
  delayMs: number;
}

/** `/cats`, which answers when it was started, in milliseconds of this process, and how long it was to wait. */
function catsThatTell(...decorators: MethodDecorator[]): Type {
  @Controller('cats')
  class Cats {
    @Get()
    find(@RateLimitDecision() decision: Decision): Start {
      return { at: performance.now(), delayMs: decision.delayMs };
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(Cats.prototype, 'find') as PropertyDescriptor;
  for (const decorate of decorators) decorate(Cats.prototype, 'find', descriptor);
  return Cats;
}

/** That many requests at once, in the order in which their handlers started. */
async function startsOf(count: number, ...apps: TestApp[]): Promise<Start[]> {
  const requests = Array.from({ length: count }, async (_, i) => {
    const response = await apps[i % apps.length]!.request('/cats');
    return (await response.json()) as Start;
  });
  return (await Promise.all(requests)).sort((a, b) => a.at - b.at);
}

/** How many milliseconds each start lies behind the earliest time that the rate allows it; negative is too early. */
const lateness = (starts: Start[], began: number, intervalMs: number) =>
  starts.map(({ at }, i) => at - (began + i * intervalMs));

afterEach(closeApps);

describe.each(adapters)('a leaky bucket on %s', (adapter) => {
  /** Far less than the line is long. */
  const atOnce = () => ({ signal: AbortSignal.timeout(4000) });
  const clock = new ManualClock(1);
  const boot = (controller: Type) => bootApp({ controllers: [controller], adapter, clock });
  const service = ({ app }: TestApp) => app.get(RateLimiterService);

  it('lets eight requests at once start one after another, at its rate', async () => {
    const app = await bootApp({
      controllers: [catsThatTell(LeakyBucket({ capacity: 8, rate: 50 }))],
      adapter,
    });
    const began = performance.now();
    const late = lateness(await startsOf(8, app), began, 20);

    expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...late)).toBeLessThan(2000);
  });

  it('starts no request before the slot that its decision tells', async () => {
    const app = await boot(catsThatTell(LeakyBucket({ capacity: 8, rate: 50 })));
    const began = performance.now();
    const starts = await startsOf(6, app);

    expect(starts.map(({ delayMs }) => delayMs)).toEqual([0, 20, 40, 60, 80, 100]);
    for (const { at, delayMs } of starts) expect(at - began).toBeGreaterThanOrEqual(delayMs);
  });

  it('refuses at once when it is full, and says when a place is free', async () => {
    const line = leakyBucket({ name: 'line', capacity: 3, rate: '1/10s' });
    const app = await boot(catsWith(RateLimit(line)));
    for (let i = 0; i < 3; i++) await service(app).consume(line, '127.0.0.1');
    clock.now += 3_500_000;
    const refusal = await app.request('/cats', atOnce());

    expect([refusal.status, refusal.headers.get('retry-after')]).toEqual([429, '7']);
    expect(await refusal.json()).toMatchObject({ 'violated-policies': ['line'], 'retry-after-ms': 6500 });
    clock.now += 6_500_000;
    expect(await service(app).peek(line, '127.0.0.1')).toMatchObject({ allowed: true, delayMs: 20_000 });
  });

  it('refuses at once what would wait longer than maxWaitMs', async () => {
    const line = leakyBucket({ name: 'line', capacity: 100, rate: 10, maxWaitMs: 200 });
    const app = await boot(catsWith(RateLimit(line)));
    const delays: number[] = [];
    for (let i = 0; i < 3; i++) delays.push((await service(app).consume(line, '127.0.0.1')).delayMs);
    const refusal = await app.request('/cats', atOnce());

    expect(delays).toEqual([0, 100, 200]);
    expect(refusal.status).toBe(429);
    expect(await refusal.json()).toMatchObject({ 'retry-after-ms': 100 });
  });

  it('as a meter never waits: it admits what fits and refuses the rest', async () => {
    const app = await boot(catsThatTell(LeakyBucket({ capacity: 3, rate: 5, shape: false })));

    expect((await startsOf(3, app)).map(({ delayMs }) => delayMs)).toEqual([0, 0, 0]);
    expect(await app.statuses(1, '/cats')).toEqual([429]);
    clock.now += 200_000;
    expect(await app.statuses(2, '/cats')).toEqual([200, 429]);
  });

  it('weighs a request by its cost: the next one waits for all of it', async () => {
    const app = await boot(catsThatTell(LeakyBucket({ capacity: 10, rate: 100, cost: 3 })));

    expect((await startsOf(3, app)).map(({ delayMs }) => delayMs)).toEqual([0, 30, 60]);
    expect(await app.statuses(1, '/cats')).toEqual([429]);
  });

  it('beside another starts a request when both lines are ready', async () => {
    const slow = LeakyBucket({ name: 'slow', capacity: 5, rate: 20, key: byGlobal() });
    const app = await boot(catsThatTell(LeakyBucket({ capacity: 20, rate: 100 }), slow));

    expect((await startsOf(3, app)).map(({ delayMs }) => delayMs)).toEqual([0, 50, 100]);
  });

  describe('beside a token bucket', () => {
    const line = leakyBucket({ name: 'line', capacity: 3, rate: 100 });
    const left = async (app: TestApp, name: string) =>
      (await service(app).peek(name, '127.0.0.1', { cost: 0 })).remaining;

    it('gives no place to what the token bucket refuses', async () => {
      const burst = TokenBucket({ name: 'burst', capacity: 1, rate: '1/h' });
      const app = await boot(catsWith(burst, RateLimit(line)));

      expect(await app.statuses(4, '/cats')).toEqual([200, 429, 429, 429]);
      expect(await left(app, 'line')).toBe(2);
    });

    it('takes no token when it is full, where both are decided at one stage', async () => {
      const burst = tokenBucket({ name: 'burst', capacity: 9, rate: '1/h', stage: 'handler' });
      const app = await boot(catsWith(RateLimit(burst), RateLimit(line)));
      for (let i = 0; i < 3; i++) await service(app).consume(line, '127.0.0.1');

      const refusal = await app.request('/cats');
      expect([refusal.status, remaining(refusal)]).toEqual([429, { burst: 9, line: 0 }]);
    });

    it('polices the burst and spaces what is left of it', async () => {
      const burst = TokenBucket({ name: 'burst', capacity: 2, rate: '1/h' });
      const app = await boot(catsThatTell(burst, RateLimit(line)));
      const began = performance.now();
      const responses = await Promise.all([1, 2, 3].map(() => app.request('/cats')));

      expect(responses.map(({ status }) => status).sort()).toEqual([200, 200, 429]);
      expect(performance.now() - began).toBeGreaterThanOrEqual(10);
    });
  });
});

describe('a leaky bucket on Redis', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  it('makes the requests of all instances wait in one line', async () => {
    const boot = () =>
      bootApp({
        controllers: [catsThatTell(LeakyBucket({ capacity: 9, rate: 50 }))],
        rateLimit: { redis: server.url },
      });
    const apps = [await boot(), await boot()];
    const began = performance.now();
    const starts = await startsOf(8, ...apps);

    expect(Math.min(...lateness(starts, began, 20))).toBeGreaterThanOrEqual(0);
    expect(new Set(starts.map(({ delayMs }) => delayMs)).size).toBeGreaterThan(1);
  });
});
