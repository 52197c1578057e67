// The peers on Redis, each through what its users call, or what its middleware calls in its place.
import { createRequire } from 'node:module';
import { RedisStore } from 'rate-limit-redis';
import { RateLimiterRedis, RateLimiterRedisNonAtomic, RateLimiterRes } from 'rate-limiter-flexible';
import { KEYS, keysInCircle, LARGE } from '../lib/keys.mjs';
import { adminOf, clientFor } from '../lib/servers.mjs';
import { FEW } from './ours.mjs';

// Of this package only the CommonJS build finds the one copy of ioredis that all share.
const { ThrottlerStorageRedisService } = createRequire(import.meta.url)('@nest-lab/throttler-storage-redis');

const HOUR = 3600;

/** rate-limiter-flexible: `consume`. A refusal would be a rejection. */
export const flexible = (setup) => withFlexible(RateLimiterRedis, setup);

/** Its faster and racy form, which may admit more than the limit. */
export const flexibleNonAtomic = (setup) => withFlexible(RateLimiterRedisNonAtomic, setup);

async function withFlexible(Limiter, setup) {
  const storeClient = await clientFor(setup);
  const limiter = new Limiter({ storeClient, points: LARGE, duration: HOUR, ...setup.options });
  const key = keysInCircle(setup.keys);
  const expected = ({ consumedPoints }) => consumedPoints > 0;
  return { call: (index) => limiter.consume(key(index)), expected, servers: adminOf(setup) };
}

/**
 * Keys that have no token left, with its documented protection from such traffic: a key that has consumed so much is
 * refused in memory until its window ends. A refusal is a rejection, with an object that is no error.
 */
export async function flexibleRefused(setup) {
  const storeClient = await clientFor(setup);
  const limiter = new RateLimiterRedis({
    storeClient,
    points: FEW,
    duration: HOUR,
    inMemoryBlockOnConsumed: FEW,
  });
  const key = keysInCircle(setup.keys);
  for (let i = 0; i < KEYS; i++) await limiter.consume(key(i), FEW);
  const expected = (result) => result instanceof RateLimiterRes;
  return { call: (index) => limiter.consume(key(index)), expected, servers: adminOf(setup) };
}

/** The storage of @nestjs/throttler on Redis: `increment`, which its guard calls once per limit. */
export async function nestLab(setup) {
  const storage = new ThrottlerStorageRedisService(await clientFor(setup));
  const key = keysInCircle(setup.keys);
  const call = (index) => storage.increment(key(index), HOUR * 1000, LARGE, HOUR * 1000, 'default');
  return { call, expected: ({ isBlocked }) => !isBlocked, servers: adminOf(setup) };
}

/** The store of express-rate-limit on Redis: `increment`, which its middleware calls once per request. */
export async function rateLimitRedis(setup) {
  const client = await clientFor(setup);
  const store = new RedisStore({ sendCommand: (command, ...args) => client.call(command, ...args) });
  await store.init({ windowMs: HOUR * 1000 });
  const key = keysInCircle(setup.keys);
  return { call: (index) => store.increment(key(index)), expected: counted, servers: adminOf(setup) };
}

const counted = ({ totalHits }) => totalHits > 0;
