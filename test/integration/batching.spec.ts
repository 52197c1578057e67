// Many decisions with one call of a real server.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { RateLimiterService, StoreHealth, tokenBucket } from '../../lib/index.js';
import { bootApp, closeApps } from '../support/app.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import { closeClients, connect } from '../support/redis/clients.js';
import { ask } from '../support/redis/raw.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';

const quota = tokenBucket({ name: 'quota', capacity: 10, rate: '1/365d' });

let server: RedisServer;
let prefix: string;
beforeAll(async () => {
  server = await startRedis();
});
beforeEach(() => {
  prefix = freshPrefix('batch');
});
afterEach(async () => {
  await closeApps();
  await closeClients();
  jest.restoreAllMocks();
});
afterAll(() => server.stop());

/** A service whose store has answered before. */
async function boot() {
  const rateLimit = { redis: server.url, prefix, policies: [quota], fullest: false };
  const { app } = await bootApp({ rateLimit });
  const service = app.get(RateLimiterService);
  await service.consume(quota, 'warm up');
  return { app, service };
}

/** How many scripts the server has run since. */
async function scriptsOf(act: () => Promise<unknown>): Promise<number> {
  await ask(server.port, [['CONFIG', 'RESETSTAT']]);
  await act();
  const stats = (await ask(server.port, [['INFO', 'commandstats']])).join('');
  return [...stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );
}

describe('decisions of one turn', () => {
  it('are one call, in the order asked', async () => {
    const { service } = await boot();
    let decisions: { remaining: number; allowed: boolean }[] = [];
    const scripts = await scriptsOf(async () => {
      decisions = await Promise.all(Array.from({ length: 12 }, () => service.consume(quota, 'ada')));
    });
    expect(scripts).toBe(1);
    expect(decisions.map(({ remaining }) => remaining)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0]);
    expect(decisions.map(({ allowed }) => allowed)).toEqual([...Array(10).fill(true), false, false]);
  });

  it('are as many calls as keep the server free for others', async () => {
    const { service } = await boot();
    const ask = () => Promise.all(Array.from({ length: 1000 }, (_, i) => service.consume(quota, `${i}`)));
    expect(await scriptsOf(ask)).toBe(Math.ceil(1000 / 120));
  });
});

describe('a key that holds something else', () => {
  it.each(['a list', 'a text'])('%s: the others of the call are decided by the store', async (what) => {
    const told = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const { app, service } = await boot();
    const bad = [`${prefix}:quota:{7}`, `${prefix}:quota:{40}`];
    const admin = connect(server.adminUrl);
    for (const key of bad) await (what === 'a list' ? admin.rpush(key, 'x') : admin.set(key, 'x'));
    for (const remaining of [9, 8]) {
      const decisions = await Promise.all(
        Array.from({ length: 50 }, (_, i) => service.consume(quota, `${i}`)),
      );
      expect(decisions.map(({ source }) => source)).toEqual(
        decisions.map((_, i) => ([7, 40].includes(i) ? 'memory' : 'redis')),
      );
      expect(decisions.map((decision) => decision.remaining)).toEqual(Array(50).fill(remaining));
    }
    expect(told.mock.calls.map(([message]) => /'(.*)'/.exec(String(message))?.[1]).sort()).toEqual([
      'quota:{40}',
      'quota:{7}',
    ]);
    expect(app.get(StoreHealth).state).toBe('closed');
    expect(await admin.type(bad[0]!)).toBe(what === 'a list' ? 'list' : 'string');
  });
});
