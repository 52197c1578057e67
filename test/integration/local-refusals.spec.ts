// Refusals that are known here, on a real server: how often it is asked, and what ends them.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import {
  RateLimiterService,
  type RateLimitModuleOptions,
  TokenBucket,
  tokenBucket,
} from '../../lib/index.js';
import { bootApp, closeApps, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import { command } from '../support/redis/raw.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';

const quota = tokenBucket({ name: 'quota', capacity: 3, rate: '1/365d' });

@Controller()
class CatsController {
  @TokenBucket({ capacity: 1, rate: '1/min' })
  @Get('cats')
  cats(): string {
    return 'cats';
  }
}

let server: RedisServer;
let prefix: string;

beforeAll(async () => {
  server = await startRedis();
});
afterEach(closeApps);
afterAll(() => server.stop());

interface Instance extends TestApp {
  readonly service: RateLimiterService;
}

async function boot(options: RateLimitModuleOptions = {}): Promise<Instance> {
  const rateLimit = { redis: server.url, prefix, policies: [quota], fullest: false, ...options };
  const app = await bootApp({ controllers: [CatsController], rateLimit });
  return { ...app, service: app.app.get(RateLimiterService) };
}

/** How many scripts the server has run. */
async function scripts(): Promise<number> {
  const stats = await command(server.port, 'INFO', 'commandstats');
  return [...stats.matchAll(/cmdstat_evalsha?:calls=(\d+)/g)].reduce(
    (sum, [, calls]) => sum + Number(calls),
    0,
  );
}

const exhaust = ({ service }: Instance, key: string) => service.consume(quota, key, { cost: 3 });

describe('a key that is refused', () => {
  beforeEach(() => {
    prefix = freshPrefix('refusals');
  });

  it('costs no round trip: at most one script a second', async () => {
    const one = await boot();
    await exhaust(one, 'attacker');
    const [before, began] = [await scripts(), performance.now()];
    for (let i = 0; i < 5000; i++) {
      const { allowed, source, remaining } = await one.service.consume(quota, 'attacker');
      expect([allowed, source, remaining]).toEqual([false, 'redis', 0]);
    }
    const seconds = (performance.now() - began) / 1000;
    expect((await scripts()) - before).toBeLessThanOrEqual(1 + Math.floor(seconds));
  });

  it('is told over HTTP how long to wait, and that falls though nobody is asked', async () => {
    const one = await boot();
    await one.request('/cats');
    const refused = await one.request('/cats');
    const before = await scripts();
    const first = Number(refused.headers.get('retry-after'));
    const again = await one.request('/cats');
    expect(again.status).toBe(429);
    expect(again.headers.get('ratelimit')).toMatch(/r=0;t=(60|59)$/);
    expect(Number(again.headers.get('retry-after'))).toBeLessThanOrEqual(first);
    expect(await scripts()).toBe(before);
  });

  it('is asked about by whoever looks', async () => {
    const one = await boot();
    await exhaust(one, 'looked-at');
    await one.service.consume(quota, 'looked-at');
    const before = await scripts();
    expect(await one.service.peek(quota, 'looked-at')).toMatchObject({ allowed: false });
    expect((await scripts()) - before).toBe(1);
  });

  it.each([
    ['a reset', (one: Instance) => one.service.reset(quota, 'freed')],
    ['a refund', (one: Instance) => one.service.refund(quota, 'freed', 1)],
  ])('is admitted at once after %s from here', async (_, free) => {
    const one = await boot();
    await exhaust(one, 'freed');
    expect(await one.service.consume(quota, 'freed')).toMatchObject({ allowed: false });
    await free(one);
    expect(await one.service.consume(quota, 'freed')).toMatchObject({ allowed: true });
  });

  it('is asked about behind a reset or refund that nobody has awaited', async () => {
    const one = await boot();
    for (const free of ['reset', 'refund'] as const) {
      await exhaust(one, free);
      await one.service.consume(quota, free);
      const freed = one.service[free](quota, free, 1);
      expect(await one.service.consume(quota, free)).toMatchObject({ allowed: true });
      await freed;
    }
  });

  it('is admitted at once after the end of its block from here', async () => {
    const one = await boot();
    await one.service.block(quota, 'blocked');
    const refused = { allowed: false, retryAfterMs: null };
    for (let i = 0; i < 2; i++) expect(await one.service.consume(quota, 'blocked')).toMatchObject(refused);
    await one.service.unblock(quota, 'blocked');
    expect(await one.service.consume(quota, 'blocked')).toMatchObject({ allowed: true });
  });

  it('is asked again once the refusal is old: another instance may have reset it', async () => {
    const [one, two] = [await boot({ refusalCacheMs: 100 }), await boot()];
    await exhaust(one, 'reset elsewhere');
    await one.service.consume(quota, 'reset elsewhere');
    await two.service.reset(quota, 'reset elsewhere');
    const began = performance.now();
    await eventually(
      async () => (await one.service.consume(quota, 'reset elsewhere')).allowed,
      'it is admitted',
    );
    expect(performance.now() - began).toBeLessThan(1000);
  });

  it('is asked about each time where the option says so', async () => {
    const one = await boot({ refusalCacheMs: 0 });
    await exhaust(one, 'asked');
    const before = await scripts();
    for (let i = 0; i < 10; i++) await one.service.consume(quota, 'asked');
    expect((await scripts()) - before).toBe(10);
  });

  it('refuses a stack too, and none of it is charged', async () => {
    const one = await boot();
    const other = tokenBucket({ name: 'other', capacity: 5, rate: '1/365d' });
    const stack = [
      { policy: quota, key: 'stacked' },
      { policy: other, key: 'stacked' },
    ];
    await exhaust(one, 'stacked');
    await one.service.consumeAll(stack);
    const before = await scripts();
    const { allowed, decisions } = await one.service.consumeAll(stack);
    expect([allowed, ...decisions.map((decision) => decision.remaining)]).toEqual([false, 0, 5]);
    expect(await scripts()).toBe(before);
    expect(await one.service.consume(other, 'stacked')).toMatchObject({ remaining: 4 });
  });
});
