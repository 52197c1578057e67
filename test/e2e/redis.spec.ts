import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Type } from '@nestjs/common';
import {
  byAll,
  byHeader,
  byIp,
  byUser,
  LeakyBucket,
  RateLimit,
  RateLimiterService,
  TokenBucket,
  tokenBucket,
} from '../../lib/index.js';
import { bootApp, closeApps } from '../support/app.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import { closeClients, connect } from '../support/redis/clients.js';
import { command } from '../support/redis/raw.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';
import { catsWith, remaining } from '../support/routes.js';

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis();
});
afterEach(closeApps);
afterEach(closeClients);
afterAll(() => server.stop());

/** Applications that share buckets, apart from those of other tests. */
async function boot(...controllers: Type[]) {
  const prefix = freshPrefix('e2e');
  // What is noted for `fullest` is told beside a decision, and is no part of it: test/integration/admin.spec.ts has it.
  const bootOne = () => bootApp({ controllers, rateLimit: { redis: server.url, prefix, fullest: false } });
  const client = connect(server.adminUrl);
  return {
    ...(await bootOne()),
    bootOne,
    /** Every key but that of a probe, which may be there for a second: without the prefix, and how long it has left. */
    async keys(): Promise<Record<string, number>> {
      const found: Record<string, number> = {};
      const names = (await client.keys(`${prefix}:*`)).filter((key) => !key.endsWith(':probe'));
      for (const key of names.sort()) {
        found[key.slice(prefix.length + 1)] = await client.pttl(key);
      }
      return found;
    },
  };
}

/** How many scripts the server has run. */
async function scriptCalls(): Promise<number> {
  const stats = await command(server.port, 'INFO', 'commandstats');
  return [...stats.matchAll(/cmdstat_(?:eval|evalsha|fcall):calls=(\d+)/g)].reduce(
    (sum, [, calls]) => sum + Number(calls),
    0,
  );
}

describe('on Redis', () => {
  it('buckets are called by route and client, as a person would look for them', async () => {
    const key = byAll(byHeader('x-user'), byIp());
    const chat = TokenBucket({ name: 'chat', capacity: 5, rate: '1/min', key: byHeader('x-user') });
    const { request, keys } = await boot(catsWith(TokenBucket({ capacity: 5, rate: '1/min', key }), chat));
    await request('/cats', { headers: { 'x-user': 'ada@example.org' } });

    expect(Object.keys(await keys())).toEqual([
      'Cats.find:{ada@example.org|127.0.0.1}',
      'chat:{ada@example.org}',
    ]);
  });

  it('a client cannot choose a key that is another one: braces, spaces and the empty text are escaped', async () => {
    const { request, keys } = await boot(
      catsWith(TokenBucket({ capacity: 5, rate: '1/min', key: byHeader('x-user') })),
    );
    for (const user of ['a}b', 'a b', 'a%20b', 'é', '', 'x'.repeat(500)]) {
      await request('/cats', { headers: { 'x-user': user } });
    }

    const names = Object.keys(await keys());
    expect(names).toHaveLength(6);
    for (const name of names) expect(name).toMatch(/^Cats\.find:\{[^\s{}]{1,128}\}$/);
  });

  it('every key expires, soon after its bucket is full', async () => {
    const rates = ['1/250ms', '30/10s', 0.1, 0.3, 2.5, '100/min', '7/day', '1/365d'] as const;
    const limits = rates.map((rate, i) => TokenBucket({ name: `t${i}`, capacity: 90, rate, cost: 20 }));
    const line = LeakyBucket({ name: 'line', capacity: 3, rate: '1/h' });
    const meter = LeakyBucket({ name: 'meter', capacity: 3, rate: '1/h', shape: false });
    const { request, keys } = await boot(catsWith(...limits, line, meter));
    const response = await request('/cats');

    expect(response.status).toBe(200);
    const full = [5e3, 6_667, 200e3, 66_667, 8e3, 12e3, 246_857_143, 20 * 31_536e6, 3_600e3, 3_600e3];
    const left = await keys();
    expect(Object.keys(left)).toEqual(
      [...rates.map((_, i) => `t${i}`), 'line', 'meter'].map((name) => `${name}:{127.0.0.1}`).sort(),
    );
    for (const [i, ms] of full.entries()) {
      const name = ['line', 'meter'][i - rates.length] ?? `t${i}`;
      expect(left[`${name}:{127.0.0.1}`]).toBeLessThanOrEqual(ms + Math.max(ms / 8, 1049) + 2);
      expect(left[`${name}:{127.0.0.1}`]).toBeGreaterThan(0);
    }
  });

  it('one call decides all limits of a stage, and one that refuses charges none', async () => {
    const day = tokenBucket({ name: 'day', capacity: 9, rate: '1/h' });
    const hour = tokenBucket({ name: 'hour', capacity: 7, rate: '1/h' });
    const minute = tokenBucket({ name: 'minute', capacity: 3, rate: '1/h' });
    const { app, request } = await boot(catsWith(RateLimit(day), RateLimit(minute), RateLimit(hour)));
    await request('/cats');

    const before = await scriptCalls();
    expect(remaining(await request('/cats'))).toEqual({ day: 7, minute: 1, hour: 5 });
    expect(remaining(await request('/cats'))).toEqual({ day: 6, minute: 0, hour: 4 });
    expect((await scriptCalls()) - before).toBe(2);
    expect((await request('/cats')).status).toBe(429);
    const left = await app.get(RateLimiterService).peek(day, '127.0.0.1', { cost: 0 });
    expect([left.remaining, left.source]).toEqual([6, 'redis']);
  });

  it('each stage is one call', async () => {
    const user = TokenBucket({ capacity: 9, rate: 1, key: byUser('id', { anonymous: byIp() }) });
    const { statuses } = await boot(catsWith(TokenBucket({ capacity: 9, rate: 1 }), user));
    await statuses(1, '/cats');

    const before = await scriptCalls();
    expect(await statuses(3, '/cats')).toEqual([200, 200, 200]);
    expect((await scriptCalls()) - before).toBe(6);
  });

  it('all instances share one bucket', async () => {
    const { statuses, bootOne } = await boot(catsWith(TokenBucket({ capacity: 3, rate: '1/h' })));
    const other = await bootOne();

    expect(await statuses(2, '/cats')).toEqual([200, 200]);
    expect(await other.statuses(2, '/cats')).toEqual([200, 429]);
    expect(await statuses(1, '/cats')).toEqual([429]);
  });

  it('of many requests at once, to several instances, exactly the capacity passes', async () => {
    const first = await boot(catsWith(TokenBucket({ capacity: 10, rate: '1/h' })));
    const apps = [first, await first.bootOne()];
    const responses = await Promise.all(Array.from({ length: 40 }, (_, i) => apps[i % 2]!.request('/cats')));

    expect(responses.filter(({ status }) => status === 200)).toHaveLength(10);
    expect(responses.filter(({ status }) => status === 429)).toHaveLength(30);
  });
});
