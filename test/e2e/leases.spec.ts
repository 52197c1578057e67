import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { RateLimiterService, tokenBucket } from '../../lib/index.js';
import type { Store } from '../../lib/stores/store.interface.js';
import { KernelStore } from '../../lib/testing/kernel.store.js';
import { bootApp, closeApps } from '../support/app.js';
import { expectBootError } from '../support/boot-error.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import { closeClients, connect } from '../support/redis/clients.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis();
});

afterEach(async () => {
  jest.restoreAllMocks();
  await closeApps();
});

afterAll(async () => {
  await closeClients();
  await server.stop();
});

/** Slow to refill, so that no token comes back during a test. */
const hot = tokenBucket({ name: 'hot', capacity: 1000, rate: '1/h', lease: { perSecond: 20 } });

async function boot(rateLimit: object) {
  const { app } = await bootApp({ rateLimit: { policies: [hot], ...rateLimit } });
  return { app, limiter: app.get(RateLimiterService) };
}

const consumeAll = (limiter: RateLimiterService, times: number, cost = 1) =>
  Promise.all(Array.from({ length: times }, () => limiter.consume(hot, 'ada', { cost })));

it('decides a hot key with few commands, to the token, and returns the rest at a shutdown', async () => {
  const prefix = freshPrefix('leases');
  const { app, limiter } = await boot({ redis: server.url, prefix, fullest: false });
  const client = connect(server.adminUrl);
  const commands = async () =>
    Number(/cmdstat_evalsha:calls=(\d+)/.exec(await client.info('commandstats'))?.[1] ?? 0);
  await consumeAll(limiter, 20);
  const before = await commands();
  let admitted = 20;
  for (let i = 0; i < 130; i++) {
    const decisions = await consumeAll(limiter, 10);
    admitted += decisions.filter(({ allowed }) => allowed).length;
    expect(new Set(decisions.map(({ source }) => source))).toEqual(new Set(['redis']));
  }
  expect(admitted).toBe(1000);
  expect((await commands()) - before).toBeLessThan(130);
  await limiter.reset(hot, 'ada');
  await consumeAll(limiter, 30);
  await app.close();
  const record = await client.get(`${prefix}:hot:{ada}`);
  expect(record).not.toContain(' h');
  // Thirty tokens, to the tick.
  const [level, , , ticksPerToken] = record!.split(' ').map(Number) as [number, number, number, number];
  expect(Math.ceil(level / ticksPerToken)).toBe(30);
});

it('lets nobody wait for a turn, with a code', async () => {
  const { limiter } = await boot({});
  const refused = { code: 'LEASE_NO_WAITING', message: expect.stringContaining("'hot' has lease") };
  await expect(limiter.acquire(hot, 'ada')).rejects.toMatchObject(refused);
  await expect(limiter.run(hot, 'ada', () => 1)).rejects.toMatchObject(refused);
  await expect(limiter.schedule(hot, 'ada', () => 1)).rejects.toMatchObject(refused);
  await expect(limiter.acquireAny([{ policy: hot, key: 'ada' }])).rejects.toMatchObject(refused);
});

it('wants two policies of one name to agree', async () => {
  const other = tokenBucket({ name: 'hot', capacity: 1000, rate: '1/h' });
  await expectBootError(() => ({ rateLimit: { policies: [hot, other] } }), {
    code: 'POLICY_CONFLICT',
    place: 'RateLimitModule.forRoot: policies',
    value: "policy 'hot' has lease undefined instead of",
    fix: 'define it once as a value',
  });
});

it('says at boot that a store of the application knows nothing of leases, and decides all the same', async () => {
  const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
  const store: Store = new KernelStore(() => Math.floor(performance.now() * 1000));
  (store as { lease: unknown }).lease = undefined;
  const { limiter } = await boot({ store });
  expect(warn).toHaveBeenCalledWith(expect.stringMatching(/no lease method.*'hot'/));
  const decisions = await consumeAll(limiter, 1001);
  expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(1000);
});

it('is the same in shadow mode, where nothing is refused', async () => {
  const { limiter } = await boot({ redis: server.url, prefix: freshPrefix('leases'), shadow: true });
  await consumeAll(limiter, 100);
  const decisions = await consumeAll(limiter, 1000);
  expect(decisions.filter(({ shadow }) => shadow === 'admitted')).toHaveLength(900);
  expect(decisions.every(({ allowed }) => allowed)).toBe(true);
});

it('spends what it holds while Redis is gone, and then decides as `onStoreError` says', async () => {
  const own = await startRedis();
  const { limiter } = await boot({ redis: own.url, prefix: freshPrefix('leases'), onStoreError: 'deny' });
  await consumeAll(limiter, 30);
  await own.kill();
  const held = await consumeAll(limiter, 2);
  expect(held.every(({ allowed, source }) => allowed && source === 'redis')).toBe(true);
  const [denied] = (await consumeAll(limiter, 400)).slice(-1);
  expect(denied).toMatchObject({ allowed: false, source: 'deny' });
  await own.stop();
});
