// nestjs-floodgate on Redis, through its service, as an application has it.
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Redis } from 'ioredis';
import { RateLimiterService, RateLimitModule, tokenBucket } from '../lib/floodgate.mjs';
import { KEYS, keysInCircle, LARGE } from '../lib/keys.mjs';
import { adminOf } from '../lib/servers.mjs';

/** The service of an application with these options. */
export async function serviceWith(options) {
  class AppModule {}
  Module({ imports: [RateLimitModule.forRoot(options)] })(AppModule);
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
  return app.get(RateLimiterService);
}

/** A machine that stands still for a moment is not to be taken for a server that does. */
const patient = { storeTimeoutMs: 60_000 };

export const storeOptions = ({ urls, cluster = false, options = {} }) => ({
  redis: cluster ? new Redis.Cluster(urls) : urls[0],
  ...patient,
  ...options,
});

/** Admitted, and by the store: not by what stands in for it. */
export const expected = ({ allowed, source }) => allowed && source === 'redis';

const large = (name) => tokenBucket({ name, capacity: LARGE, rate: 1 });

/** One limit: `consume`. */
export async function one(setup) {
  const limiter = await serviceWith(storeOptions(setup));
  const [policy, key] = [large('bench'), keysInCircle(setup.keys)];
  const servers = adminOf(setup);
  return {
    call: (index) => limiter.consume(policy, key(index)),
    expected,
    servers,
    hashTags: () => hashTags(servers),
  };
}

/** How many different `{…}` the keys of these servers have: no more than slots. */
async function hashTags(servers) {
  const keys = (await Promise.all(servers.map((server) => server.keys('*')))).flat();
  return new Set(keys.map((key) => /\{([^}]*)\}/.exec(key)?.[1])).size;
}

/** Four limits of one request, each with a bucket that no other request in flight asks: `consumeAll`. */
export async function four(setup) {
  const limiter = await serviceWith(storeOptions(setup));
  const policies = ['a', 'b', 'c', 'd'].map(large);
  const key = keysInCircle(setup.keys);
  const call = (index) => limiter.consumeAll(policies.map((policy) => ({ policy, key: key(index) })));
  return { call, expected: allExpected, servers: adminOf(setup) };
}

/** How many buckets the limits of a request have that are not its user's. */
const ROUTES = 20;
const TENANTS = 50;

/** Four limits of one request, of which three are shared: everybody's, a route's, a tenant's and a user's. */
export async function shared(setup) {
  const limiter = await serviceWith(storeOptions(setup));
  const [all, route, tenant, user] = ['all', 'route', 'tenant', 'user'].map(large);
  const routes = keysInCircle(ROUTES, 'route');
  const tenants = keysInCircle(TENANTS, 'tenant');
  const users = keysInCircle(setup.keys, 'user');
  const call = (index) =>
    limiter.consumeAll([
      { policy: all, key: 'all' },
      { policy: route, key: routes(index) },
      { policy: tenant, key: tenants(index) },
      { policy: user, key: users(index) },
    ]);
  return { call, expected: allExpected, servers: adminOf(setup) };
}

/** How many tokens a bucket of the row about refusals has; none comes back within a run. */
export const FEW = 10;

/** Keys that have no token left. */
export async function refused(setup) {
  const limiter = await serviceWith(storeOptions(setup));
  const policy = tokenBucket({ name: 'bench', capacity: FEW, rate: '1/day' });
  const key = keysInCircle(setup.keys);
  for (let i = 0; i < KEYS; i++) await limiter.consume(policy, key(i), { cost: FEW });
  const call = (index) => limiter.consume(policy, key(index));
  return { call, expected: ({ allowed }) => !allowed, servers: adminOf(setup) };
}

/** Buckets that a run neither empties nor lets drain: all that were ever asked for are there. */
export async function lasting(setup) {
  const limiter = await serviceWith(storeOptions(setup));
  const policy = tokenBucket({ name: 'bench', capacity: 1_000_000, rate: '10/day' });
  const key = keysInCircle(setup.keys);
  return { call: (index) => limiter.consume(policy, key(index)), expected, servers: adminOf(setup) };
}

/** Buckets that are full again after a tenth of a second. */
export async function brief(setup) {
  const limiter = await serviceWith(storeOptions(setup));
  const policy = tokenBucket({ name: 'bench', capacity: 10, rate: 10 });
  const key = keysInCircle(setup.keys);
  return { call: (index) => limiter.consume(policy, key(index)), expected, servers: adminOf(setup) };
}

const allExpected = ({ allowed, decisions }) =>
  allowed && decisions.every(({ source }) => source === 'redis');
