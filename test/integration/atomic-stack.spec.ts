// An address, a user, a tenant and everybody, limited together on one route: on one Redis server, and on a cluster.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Injectable,
  UseGuards,
} from '@nestjs/common';
import {
  byGlobal,
  byHeader,
  byUser,
  RateLimit,
  RateLimiterService,
  type RateLimitModuleOptions,
  tokenBucket,
} from '../../lib/index.js';
import { bootApp, closeApps, type TestApp } from '../support/app.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import { closeClients, connect, connectCluster } from '../support/redis/clients.js';
import { type RedisCluster, startCluster } from '../support/redis/cluster.js';
import { command } from '../support/redis/raw.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';
import { remaining } from '../support/routes.js';
import { spyOnStore } from '../support/stores.js';

const CAPACITY = 20;
const LAST = 7;
const parameters = { capacity: CAPACITY, rate: '1/365d' };

const address = tokenBucket({ ...parameters, name: 'address', key: byHeader('x-address') });
const user = tokenBucket({ ...parameters, name: 'user', key: byHeader('x-user') });
const tenant = tokenBucket({ ...parameters, name: 'tenant', key: byHeader('x-tenant') });
const everyone = tokenBucket({ ...parameters, name: 'everyone', capacity: LAST, key: byGlobal() });

/** The same, but decided after authentication. */
const knownUser = tokenBucket({ ...parameters, name: 'known-user', key: byUser() });
const knownTenant = tokenBucket({
  ...parameters,
  name: 'known-tenant',
  capacity: LAST,
  key: byUser('tenant'),
});

@Injectable()
class AuthGuard implements CanActivate {
  canActivate(context: ExecutionContext) {
    const request = context.switchToHttp().getRequest<{ headers: Record<string, string>; user?: object }>();
    request.user = { id: request.headers['x-user'], tenant: request.headers['x-tenant'] };
    return true;
  }
}

let runs = 0;

@Controller()
class StackController {
  @Get('one-stage')
  @RateLimit(address)
  @RateLimit(user)
  @RateLimit(tenant)
  @RateLimit(everyone)
  oneStage() {
    runs++;
  }

  @Get('two-stages')
  @UseGuards(AuthGuard)
  @RateLimit(address)
  @RateLimit(everyone)
  @RateLimit(knownUser)
  @RateLimit(knownTenant)
  twoStages() {
    runs++;
  }
}

let app: TestApp;

const headers = (of: { address?: string; user?: string; tenant?: string } = {}) => ({
  headers: {
    'x-address': of.address ?? 'address-1',
    'x-user': of.user ?? 'ada',
    'x-tenant': of.tenant ?? 'acme',
  },
});

/** Nothing but decisions is to be counted, so the list of the fullest buckets is not kept. */
const boot = async (redis: RateLimitModuleOptions['redis']) => {
  // So that how often it is asked depends on no clock.
  const rateLimit = { redis, prefix: freshPrefix('stack'), fullest: false, refusalCacheMs: 60_000 };
  app = await bootApp({ controllers: [StackController], rateLimit });
};

/** What a bucket has left, without taking. */
const left = async (policy: string, key: string): Promise<number> =>
  (await app.app.get(RateLimiterService).peek(policy, key, { cost: 0 })).remaining;

/** Many requests at once by 4 addresses and 10 users of a tenant; how many were admitted. */
async function storm(path: string): Promise<number> {
  const requests = Array.from({ length: 120 }, (_, i) =>
    app.request(path, headers({ address: `address-${i % 4}`, user: `user-${i % 10}` })),
  );
  const statuses = (await Promise.all(requests)).map(({ status }) => status);
  expect(new Set(statuses)).toEqual(new Set([200, 429]));
  return statuses.filter((status) => status === 200).length;
}

/** What was taken from all buckets of a policy. */
async function taken(policy: string, key: string, count: number): Promise<number> {
  const keys = Array.from({ length: count }, (_, i) => `${key}-${i}`);
  const remainders = await Promise.all(keys.map((key) => left(policy, key)));
  return remainders.reduce((sum, remainder) => sum + CAPACITY - remainder, 0);
}

beforeEach(() => {
  runs = 0;
});
afterEach(closeApps);

describe('on one server', () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(async () => {
    await closeClients();
    await server.stop();
  });
  beforeEach(() => boot(connect(server.url)));

  it('at one stage it is one call of the store and one script on the server, admitted or refused for the first time', async () => {
    await app.request('/one-stage', headers());
    const calls = spyOnStore(app.app);
    const before = await scriptsRunOn(server);
    for (let i = 1; i < LAST + 3; i++) {
      const response = await app.request('/one-stage', headers());
      expect(response.status).toBe(i < LAST ? 200 : 429);
    }
    expect(calls()).toBe(LAST + 2);
    // Those who are refused after the first are refused here.
    expect((await scriptsRunOn(server)) - before).toBe(LAST);
  });

  it('refused by the last, nobody is charged', async () => {
    for (let i = 0; i < LAST; i++) await app.request('/one-stage', headers({ user: 'grace' }));
    const refusal = await app.request('/one-stage', headers({ address: 'address-2', tenant: 'umbrella' }));
    expect(refusal.status).toBe(429);
    expect(await refusal.json()).toMatchObject({ 'violated-policies': ['everyone'] });
    expect(remaining(refusal)).toEqual({
      address: CAPACITY,
      user: CAPACITY,
      tenant: CAPACITY,
      everyone: 0,
    });
    expect(await left('address', 'address-2')).toBe(CAPACITY);
    expect(await left('user', 'ada')).toBe(CAPACITY);
    expect(await left('tenant', 'umbrella')).toBe(CAPACITY);
  });

  it('under contention exactly as many are admitted as the last allows, and only they are charged', async () => {
    expect(await storm('/one-stage')).toBe(LAST);
    expect(runs).toBe(LAST);
    expect(await taken('address', 'address', 4)).toBe(LAST);
    expect(await taken('user', 'user', 10)).toBe(LAST);
    expect(await left('tenant', 'acme')).toBe(CAPACITY - LAST);
  });

  it('at two stages it is two calls, and what the first took stands when the second refuses', async () => {
    const other = { tenant: 'umbrella', user: 'eve' };
    const service = app.app.get(RateLimiterService);
    await service.consume(knownTenant, 'acme', { cost: LAST });
    const calls = spyOnStore(app.app);

    expect((await app.request('/two-stages', headers(other))).status).toBe(200);
    expect(calls()).toBe(2);
    const refusal = await app.request('/two-stages', headers());
    expect(refusal.status).toBe(429);
    expect(await refusal.json()).toMatchObject({ 'violated-policies': ['known-tenant'] });
    expect(calls()).toBe(4);
    expect([await left('address', 'address-1'), await left('everyone', 'all')]).toEqual([
      CAPACITY - 2,
      LAST - 2,
    ]);
    // Within the second stage nobody is charged.
    expect(await left('known-user', 'ada')).toBe(CAPACITY);
  });

  it('and one that the first stage refuses never asks for the second', async () => {
    await app.app.get(RateLimiterService).consume(everyone, 'all', { cost: LAST });
    const calls = spyOnStore(app.app);
    expect((await app.request('/two-stages', headers())).status).toBe(429);
    expect(calls()).toBe(1);
    expect(await left('known-user', 'ada')).toBe(CAPACITY);
  });
});

describe('on a cluster of three', () => {
  let cluster: RedisCluster;

  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(async () => {
    await closeClients();
    await cluster.stop();
  });
  beforeEach(() => boot(connectCluster(cluster.nodes)));

  /** Which node has a key. */
  const nodeOf = async (key: string): Promise<number> => {
    const slot = Number(await command(cluster.nodes[0]!.port, 'CLUSTER', 'KEYSLOT', `{${key}}`));
    return Math.floor((slot * 3) / 16_384);
  };

  it('its buckets live on all nodes', async () => {
    const keys = ['address-0', 'address-1', 'address-2', 'address-3', 'acme', 'all'];
    const users = Array.from({ length: 10 }, (_, i) => `user-${i}`);
    expect(new Set(await Promise.all([...keys, ...users].map(nodeOf)))).toEqual(new Set([0, 1, 2]));
    const one = await Promise.all(['address-1', 'ada', 'acme', 'all'].map(nodeOf));
    expect(new Set(one).size).toBeGreaterThan(1);
  });

  it('refused by the last, nobody is charged', async () => {
    await app.app.get(RateLimiterService).consume(everyone, 'all', { cost: LAST });
    const calls = spyOnStore(app.app);
    const refusal = await app.request('/one-stage', headers());
    expect(await refusal.json()).toMatchObject({ status: 429, 'violated-policies': ['everyone'] });
    expect(calls()).toBe(1);
    expect(await left('address', 'address-1')).toBe(CAPACITY);
    expect(await left('user', 'ada')).toBe(CAPACITY);
    expect(await left('tenant', 'acme')).toBe(CAPACITY);
  });

  it('under contention no limit is exceeded, and what the refused took meanwhile is given back', async () => {
    const admitted = await storm('/one-stage');
    expect(admitted).toBeGreaterThan(0);
    expect(admitted).toBeLessThanOrEqual(LAST);
    expect(runs).toBe(admitted);
    expect(await taken('address', 'address', 4)).toBe(admitted);
    expect(await taken('user', 'user', 10)).toBe(admitted);
    expect(await left('tenant', 'acme')).toBe(CAPACITY - admitted);
    expect(await left('everyone', 'all')).toBe(LAST - admitted);
  });
});

/** How many scripts a server has run. */
async function scriptsRunOn({ port }: RedisServer): Promise<number> {
  const stats = await command(port, 'INFO', 'commandstats');
  const calls = [...stats.matchAll(/^cmdstat_eval(?:sha)?:calls=(\d+)/gm)].map(([, count]) => Number(count));
  return calls.reduce((sum, count) => sum + count, 0);
}
