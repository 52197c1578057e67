import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Logger, Module, type Type } from '@nestjs/common';
import {
  BoundRateLimiter,
  byGlobal,
  InjectRateLimiter,
  RateLimit,
  RateLimitAdmin,
  type RateLimitErrorCode,
  RateLimiterService,
  RateLimitGuard,
  RateLimitModule,
  type RateLimitModuleOptions,
  tokenBucket,
} from '../../lib/index.js';
import { adapters, bootApp, closeApps } from '../support/app.js';
import { ManualClock } from '../support/manual-clock.js';
import { expectMistake } from '../support/mistake.js';
import { closeClients, connect } from '../support/redis/clients.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';
import { catsWith, members } from '../support/routes.js';

const chat = tokenBucket({ name: 'chat', capacity: 2, rate: '1/h', key: byGlobal() });

afterEach(closeApps);

describe.each(adapters)('limits that are set at run time, on %s', (adapter) => {
  it('count for the routes of the policy, and are told in headers; cleared, the declared ones count', async () => {
    const { app, statuses, request } = await bootApp({
      controllers: [catsWith(RateLimit(chat))],
      clock: new ManualClock(1),
      adapter,
    });
    const limiter = app.get(RateLimiterService);
    expect(await statuses(3, '/cats')).toEqual([200, 200, 429]);

    await limiter.setLimits('chat', { capacity: 5, rate: '2/h' });
    const response = await request('/cats');
    // Two of the five are taken: nothing is minted.
    expect(members(response)).toEqual({ chat: { r: 2, t: 1800 } });
    expect(members(response, 'RateLimit-Policy')).toEqual({ chat: { q: 5, w: 9000 } });
    expect(await statuses(3, '/cats')).toEqual([200, 200, 429]);

    expect(await limiter.clearLimits('chat')).toBe(true);
    const refused = await request('/cats');
    expect([refused.status, members(refused, 'RateLimit-Policy')]).toEqual([
      429,
      { chat: { q: 2, w: 7200 } },
    ]);
  });
});

describe('the service', () => {
  const boot = async () => (await bootApp({ clock: new ManualClock(1) })).app.get(RateLimiterService);

  it('decides by them whatever it is asked', async () => {
    const { app } = await bootApp({ clock: new ManualClock(1) });
    const limiter = app.get(RateLimiterService);
    await limiter.setLimits(chat, { capacity: 4, rate: '1/min' });
    expect(await limiter.limitsOf(chat)).toEqual({ capacity: 4, rate: '1/min', live: true });
    expect(await limiter.consume(chat, 'ada', { cost: 3 })).toMatchObject({ limit: 4, remaining: 1 });
    expect(await limiter.peek(chat, 'ada')).toMatchObject({ limit: 4, allowed: true });
    // It knows of four tokens, not of two: one is missing there.
    expect(await limiter.sync(chat, 'ada', { remaining: 0 })).toMatchObject({ limit: 4, remaining: 0 });
    expect(await limiter.block(chat, 'bob')).toMatchObject({ limit: 4, allowed: false });
    const { tightest } = await limiter.consumeAll([{ policy: chat, key: 'eve' }]);
    expect(tightest).toMatchObject({ limit: 4, remaining: 3 });
    expect(await app.get(RateLimitAdmin).inspect(chat, 'eve')).toMatchObject({ capacity: 4, remaining: 3 });
    expect(await limiter.clearLimits(chat)).toBe(true);
    expect(await limiter.clearLimits(chat)).toBe(false);
    expect(await limiter.limitsOf(chat)).toEqual({ capacity: 2, rate: '1/h', live: false });
  });

  it('is also the one that is injected bound to its policy', async () => {
    class Chats {
      constructor(@InjectRateLimiter(chat) readonly limiter: BoundRateLimiter) {}
    }
    @Module({ imports: [RateLimitModule.forFeature(chat)], providers: [Chats] })
    class ChatModule {}
    const { app } = await bootApp({ imports: [ChatModule] });
    const { limiter } = app.get(Chats, { strict: false });

    await limiter.setLimits({ capacity: 9, rate: 1 });
    expect(await limiter.limitsOf()).toEqual({ capacity: 9, rate: 1, live: true });
    expect(await limiter.consume('ada')).toMatchObject({ limit: 9 });
    expect(await limiter.clearLimits()).toBe(true);
  });

  const costly = tokenBucket({ name: 'costly', capacity: 10, rate: 1, cost: 5 });
  const planned = tokenBucket({ name: 'planned', limits: () => ({ capacity: 1, rate: 1 }) });
  const set = 'RateLimiterService.setLimits';

  it.each<[RateLimitErrorCode, Parameters<RateLimiterService['setLimits']>, string, string]>([
    ['UNKNOWN_POLICY', ['nobody', { capacity: 1, rate: 1 }], '"nobody"', 'names no policy'],
    [
      'POLICY_NEEDS_NAME',
      [tokenBucket({ capacity: 1, rate: 1 }), { capacity: 1, rate: 1 }],
      'no name',
      "'chat'",
    ],
    ['INVALID_CAPACITY', [costly, { capacity: 0, rate: 1 }], 'capacity is 0', 'an integer of at least 1'],
    ['INVALID_RATE', [costly, { capacity: 10 } as never], 'rate is undefined', "'5/s'"],
    ['RATE_DOES_NOT_FIT', [costly, { capacity: 1e12, rate: '7/day' }], '"7/day"', 'a smaller capacity'],
    ['COST_ABOVE_CAPACITY', [costly, { capacity: 4, rate: 1 }], 'cost 5 is above capacity 4', 'raise'],
    ['INVALID_OPTION', [costly, 5 as never], 'the options are 5', "{ capacity: 10, rate: '5/s' }"],
    ['UNKNOWN_OPTION', [costly, { capacity: 9, rate: 1, burst: 2 } as never], '"burst"', 'capacity, rate'],
    ['LIMITS_NOT_FIXED', [planned, { capacity: 1, rate: 1 }], "'planned'", 'change what that answers'],
  ])('refuses with %s, and writes nothing: %#', async (code, [policy, limits], value, fix) => {
    const limiter = await boot();
    await expectMistake(() => limiter.setLimits(policy, limits), { code, place: set, value, fix });
    expect(await limiter.limitsOf(costly)).toEqual({ capacity: 10, rate: 1, live: false });
  });

  it.each(['clearLimits', 'limitsOf'] as const)('says the same in %s', async (method) => {
    const limiter = await boot();
    await expectMistake(() => limiter[method](planned), {
      code: 'LIMITS_NOT_FIXED',
      place: `RateLimiterService.${method}`,
      value: "'planned'",
      fix: 'change what that answers',
    });
  });
});

it('with buckets in memory, the guard answers at once and not with a promise', async () => {
  const canActivate = jest.spyOn(RateLimitGuard.prototype, 'canActivate');
  const { statuses } = await bootApp({
    controllers: [catsWith(RateLimit(chat))],
    rateLimit: { limitsRefreshMs: 0 },
  });
  await statuses(1, '/cats');
  expect(canActivate.mock.results.map(({ value }) => value)).toEqual([true]);
  canActivate.mockRestore();
});

describe('in Redis', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(async () => {
    await closeClients();
    await server.stop();
  });

  const Cats = (): Type => catsWith(RateLimit(chat));
  const boot = async (prefix: string, rateLimit: RateLimitModuleOptions = {}) => {
    const booted = await bootApp({
      controllers: [Cats()],
      rateLimit: { redis: server.options, prefix: `floodgate:${prefix}`, limitsRefreshMs: 0, ...rateLimit },
    });
    return { ...booted, limiter: booted.app.get(RateLimiterService) };
  };

  it('they count for all instances, and for those that start later', async () => {
    const [one, two] = [await boot('shared'), await boot('shared')];
    expect(await two.statuses(1, '/cats')).toEqual([200]);
    await one.limiter.setLimits(chat, { capacity: 4, rate: '1/h' });
    expect(await two.limiter.limitsOf('chat')).toEqual({ capacity: 4, rate: '1/h', live: true });
    expect(await two.statuses(2, '/cats')).toEqual([200, 200]);

    await closeApps();
    const three = await boot('shared');
    expect(await three.statuses(2, '/cats')).toEqual([200, 429]);
    expect(await three.limiter.clearLimits(chat)).toBe(true);
    expect(await three.limiter.limitsOf(chat)).toEqual({ capacity: 2, rate: '1/h', live: false });
  });

  it('an instance learns of them when what it knows has become too old', async () => {
    const [one, two] = [await boot('late'), await boot('late', { limitsRefreshMs: 60_000 })];
    expect(await two.limiter.consume('chat', 'ada')).toMatchObject({ limit: 2 });
    await one.limiter.setLimits(chat, { capacity: 4, rate: '1/h' });
    expect(await one.limiter.consume('chat', 'ada')).toMatchObject({ limit: 4 });
    expect(await two.limiter.consume('chat', 'ada')).toMatchObject({ limit: 2 });

    const now = performance.now.bind(performance);
    const later = jest.spyOn(performance, 'now').mockImplementation(() => now() + 60_001);
    expect(await two.limiter.consume('chat', 'ada')).toMatchObject({ limit: 4 });
    later.mockRestore();
  });

  it('they are one hash of readable texts that does not expire', async () => {
    const { limiter } = await boot('readable');
    await limiter.setLimits(chat, { capacity: 10, rate: '5/s' });
    const client = connect(server.adminUrl);

    expect(await client.hgetall('floodgate:readable:limits')).toEqual({
      chat: '{"capacity":10,"rate":"5/s"}',
    });
    expect(await client.ttl('floodgate:readable:limits')).toBe(-1);
    await client.hset('floodgate:readable:limits', 'chat', 'ten per second');
    const log = jest.spyOn(Logger.prototype, 'error').mockReturnValue();
    expect(await limiter.consume(chat, 'ada')).toMatchObject({ limit: 2 });
    expect(await limiter.consume(chat, 'ada')).toMatchObject({ limit: 2 });
    expect(log).toHaveBeenCalledTimes(1);
    log.mockRestore();
  });
});
