import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { byHeader, leakyBucket, RateLimitExceededError, TokenBucket, tokenBucket } from '../../lib/index.js';
import { MemoryStore } from '../../lib/stores/memory/memory.store.js';
import { RedisStore } from '../../lib/stores/redis/redis.store.js';
import type { Store } from '../../lib/stores/store.interface.js';
import { bootApp, closeApps } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import { closeClients, connect } from '../support/redis/clients.js';
import { command } from '../support/redis/raw.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';
import { serviceOn } from '../support/service.js';

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis();
});

afterAll(async () => {
  await closeApps();
  await closeClients();
  await server.stop();
});

const redisStore = (suite: string) =>
  new RedisStore(connect(server.url, { enableAutoPipelining: true }), { prefix: freshPrefix(suite) });

describe('a flood of 20,000 distinct keys', () => {
  const usedMemory = async () =>
    Number(/^used_memory:(\d+)/m.exec(await command(server.port, 'INFO', 'memory'))?.[1]);

  it('takes room on a Redis server no longer than its buckets need to fill', async () => {
    const { service } = serviceOn(redisStore('flood'));
    const policy = tokenBucket({ name: 'flood', capacity: 10, rate: '1/s' });
    await service.consume(policy, 'first');
    const before = await usedMemory();
    let most = 0;
    for (let i = 0; i < 20_000; i += 2000) {
      await Promise.all(Array.from({ length: 2000 }, (_, j) => service.consume(policy, `key-${i + j}`)));
      most = Math.max(most, (await usedMemory()) - before);
    }
    expect(most).toBeGreaterThan(200_000);
    await eventually(async () => (await command(server.port, 'DBSIZE')) === '0', 'every bucket has expired');
    expect((await usedMemory()) - before).toBeLessThan(most / 2);
  });
});

describe('a limit on new keys, beside Redis', () => {
  @Controller('cats')
  class Cats {
    @Get()
    @TokenBucket({ name: 'cats', capacity: 100, rate: '1/h', key: byHeader('x-user') })
    find() {
      return 'served';
    }
  }

  it('keeps a flood out with 429, and lets those through that are known', async () => {
    const client = connect(server.url);
    const prefix = freshPrefix('new-keys');
    const app = await bootApp({
      controllers: [Cats],
      rateLimit: { redis: client, prefix, fullest: false, newKeys: { capacity: 20, rate: '1/min' } },
    });
    const get = (user: string) => app.request('/cats', { headers: { 'x-user': user } });
    expect((await get('ada')).status).toBe(200);
    const began = performance.now();
    const flood = await Promise.all(Array.from({ length: 300 }, (_, i) => get(`new-${i}`)));
    expect(flood.filter(({ status }) => status === 200).length).toBe(19);
    const refused = flood.find(({ status }) => status === 429);
    const retryAfter = Number(refused?.headers.get('retry-after'));
    expect(retryAfter).toBeLessThanOrEqual(60);
    expect(retryAfter).toBeGreaterThanOrEqual(60 - Math.ceil((performance.now() - began) / 1000));
    expect(refused?.headers.get('ratelimit')).toMatch(/^"cats";r=0;t=\d+$/);
    // Beside them what the boot has tried its server with, for as long as that is kept.
    const names = (await connect(server.adminUrl).keys(`${prefix}:*`)).filter(
      (name) => !name.endsWith(':probe'),
    );
    expect(names).toHaveLength(20);
    expect((await get('ada')).status).toBe(200);
  });
});

describe('50,000 who wait in one line', () => {
  it('are refused at once beyond its capacity, and make room when they leave', async () => {
    const { service, turns, returns } = serviceOn(new MemoryStore({ maxKeys: 10 }));
    const line = leakyBucket({ name: 'line', capacity: 1000, rate: '1/min' });
    const leaving = new AbortController();
    const { signal } = leaving;
    let [refused, left] = [0, 0];
    const all = Array.from({ length: 50_000 }, () =>
      service.acquire(line, 'ada', { signal }).catch((reason) => {
        if (reason instanceof RateLimitExceededError) refused++;
        else left++;
      }),
    );
    await eventually(() => refused === 49_000, 'the others are refused');
    // The first of them has started at once.
    expect(turns.waiting).toBe(999);
    expect(await service.peek(line, 'bob')).toMatchObject({ allowed: true, delayMs: 0, remaining: 999 });

    leaving.abort();
    await Promise.all(all);
    await eventually(() => returns.size === 0, 'their places are given back');
    expect([left, turns.waiting]).toEqual([999, 0]);
    expect((await service.peek(line, 'ada')).remaining).toBe(998);
  });
});

describe.each<[string, () => Store]>([
  ['in memory', () => new MemoryStore({ maxKeys: 100 })],
  ['on a Redis server', () => redisStore('names')],
])('names of what every object has, %s', (_, makeStore) => {
  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'are names as any other: %s',
    async (name) => {
      const { service } = serviceOn(makeStore());
      const policy = tokenBucket({ name, capacity: 3, rate: '1/day' });
      expect(await service.consume(policy, name)).toMatchObject({
        allowed: true,
        remaining: 2,
        policy: name,
        key: name,
      });
      await service.setLimits(name, { capacity: 2, rate: '1/day' });
      expect(await service.limitsOf(name)).toEqual({ capacity: 2, rate: '1/day', live: true });
      expect(await service.consume(name, name)).toMatchObject({ allowed: true, remaining: 0 });
      expect(await service.consume(name, name)).toMatchObject({ allowed: false, limit: 2 });
      expect(await service.clearLimits(name)).toBe(true);
      expect(await service.consume(name, name)).toMatchObject({ allowed: true, limit: 3 });
      expect(await service.reset(name, name)).toBe(true);
      expect(({} as Record<string, unknown>).capacity).toBeUndefined();
    },
  );
});
