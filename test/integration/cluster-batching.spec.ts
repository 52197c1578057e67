// Many decisions with few writes to the masters of a real Cluster.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import slotOf from 'cluster-key-slot';
import {
  type Decision,
  RateLimitAdmin,
  RateLimiterService,
  type RateLimitModuleOptions,
  StoreHealth,
  tokenBucket,
} from '../../lib/index.js';
import { type RedisClient, runScript } from '../../lib/stores/redis/redis-client.js';
import { bootApp, closeApps } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import {
  closeClients,
  connectCluster5,
  connectCluster6,
  connectClusterAsAdmin,
} from '../support/redis/clients.js';
import { type RedisCluster, startCluster } from '../support/redis/cluster.js';
import { command } from '../support/redis/raw.js';
import { reshard } from '../support/redis/reshard.js';

const quota = tokenBucket({ name: 'quota', capacity: 10, rate: '1/365d' });
const other = tokenBucket({ name: 'other', capacity: 10, rate: '1/365d' });
const many = tokenBucket({ name: 'many', capacity: 100_000, rate: '1/1d' });
const KEYS = Array.from({ length: 60 }, (_, i) => `key-${i}`);

let cluster: RedisCluster;
let prefix: string;
beforeAll(async () => {
  cluster = await startCluster();
});
beforeEach(() => {
  prefix = freshPrefix('cluster-batch');
});
afterEach(async () => {
  await closeApps();
  await closeClients();
  jest.restoreAllMocks();
});
afterAll(() => cluster.stop());

type Client = ReturnType<typeof connectCluster6>;
const open5 = (options = {}) => connectCluster5(cluster.nodes, options) as unknown as Client;
const open6 = (options = {}) => connectCluster6(cluster.nodes, options);

/** A service that all masters have answered. */
async function boot(client: Client, options: RateLimitModuleOptions = {}) {
  const policies = [quota, other, many];
  const rateLimit = { redis: client, prefix, policies, fullest: false, storeTimeoutMs: 10_000, ...options };
  const { app } = await bootApp({ rateLimit });
  const service = app.get(RateLimiterService);
  for (const key of KEYS) await service.consume(other, `warm-${key}`);
  return { app, service };
}

const askAll = (service: RateLimiterService, keys: readonly string[] = KEYS): Promise<Decision[]> =>
  Promise.all(keys.map((key) => service.consume(quota, key)));

/** Until each master has been seen to refuse what it does not serve. */
async function tryOut(service: RateLimiterService): Promise<void> {
  const warm = KEYS.map((key) => `warm-${key}`);
  const ask = () => Promise.all(warm.map((key) => service.peek(other, key)));
  await eventually(
    async () => Math.max(...(await scriptsOf(ask))) === 1,
    'each master is asked with one call',
  );
}

/** Of each master: how many scripts it has run since, and how often something was there to be read. */
async function ranSince(act: () => Promise<unknown>): Promise<{ scripts: number; reads: number }[]> {
  await Promise.all(cluster.nodes.map(({ port }) => command(port, 'CONFIG', 'RESETSTAT')));
  await act();
  const told = cluster.nodes.map(({ port }) => command(port, 'INFO', 'all'));
  return (await Promise.all(told)).map((text) => {
    const calls = [...text.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)];
    return {
      scripts: calls.reduce((sum, [, count]) => sum + Number(count), 0),
      reads: Number(/total_reads_processed:(\d+)/.exec(text)?.[1]),
    };
  });
}

const scriptsOf = async (act: () => Promise<unknown>) => (await ranSince(act)).map(({ scripts }) => scripts);

describe.each([
  ['ioredis 5', open5, {}],
  ['ioredis 5 with auto-pipelining', open5, { enableAutoPipelining: true }],
  ['ioredis 6', open6, {}],
  ['ioredis 6 with auto-pipelining', open6, { enableAutoPipelining: true }],
  ['ioredis 6 with a prefix of its own', open6, { keyPrefix: 'floodgate:app:' }],
])('with %s', (_, open, options) => {
  const isGathered = 'enableAutoPipelining' in options;

  it(`decisions of one turn are one write to each master, ${isGathered ? 'and a call for each slot' : 'and one call'}`, async () => {
    const { service } = await boot(open(options));
    if (!isGathered) await tryOut(service);
    for (const remaining of [9, 8, 7]) {
      let decisions: Decision[] = [];
      const run = await ranSince(async () => {
        decisions = await askAll(service);
      });
      expect(new Set(decisions.map(({ source }) => source))).toEqual(new Set(['redis']));
      expect(decisions.map((decision) => decision.remaining)).toEqual(KEYS.map(() => remaining));
      const calls = run.map(({ scripts }) => scripts);
      if (isGathered) expect(calls.reduce((sum, scripts) => sum + scripts, 0)).toBe(KEYS.length);
      else expect(calls).toEqual([1, 1, 1]);
      // Beside it only what the test itself asks, and what masters say to each other.
      expect(run.every(({ reads }) => reads < 6)).toBe(true);
    }
  });
});

it('each slot is a call where crossSlot is false', async () => {
  const { service } = await boot(open6(), { crossSlot: false });
  for (const remaining of [9, 8, 7]) {
    let decisions: Decision[] = [];
    const scripts = await scriptsOf(async () => {
      decisions = await askAll(service);
    });
    expect(decisions.map((decision) => decision.remaining)).toEqual(KEYS.map(() => remaining));
    expect(scripts.reduce((sum, calls) => sum + calls, 0)).toBe(KEYS.length);
  }
});

describe.each([
  ['without auto-pipelining', {}],
  ['with auto-pipelining', { enableAutoPipelining: true }],
])('more keys of one slot than commands are defined for, %s', (_, options) => {
  const some = KEYS.slice(0, 40);

  it('are not overtaken by what is asked for after them', async () => {
    const { service } = await boot(open6(options), { partitions: 1 });
    const decided = askAll(service, some);
    const forgotten = service.reset(quota, some[0]!);
    const again = service.consume(quota, some[1]!);
    expect((await decided).map(({ remaining }) => remaining)).toEqual(some.map(() => 9));
    expect(await forgotten).toBe(true);
    expect((await again).remaining).toBe(8);
    expect((await service.peek(quota, some[0]!, { cost: 0 })).remaining).toBe(10);
  });
});

it('a command is defined while a pipeline waits that does not know it, and nobody gets the answer of another', async () => {
  const addresses = cluster.nodes.map(({ host, port }) => ({ host, port }));
  const client = connectCluster6(addresses, { enableAutoPipelining: true });
  await Promise.all([client.set(`${prefix}{0}a`, 'a'), client.set(`${prefix}{0}b`, 'b')]);
  const holdsTheLine = client.blpop(`${prefix}{0}none`, 0.2);
  await new Promise((resolve) => setImmediate(resolve));
  const before = client.get(`${prefix}{0}a`);
  const script = { name: 'floodgate:count', lua: 'return #KEYS' };
  const keys = Array.from({ length: 40 }, (_, i) => `${prefix}{0}${i}`);
  const counted = runScript(client as unknown as RedisClient, { script, keys, args: [] });
  const after = client.get(`${prefix}{0}b`);
  expect(await Promise.all([holdsTheLine, before, counted, after])).toEqual([null, 'a', 40, 'b']);
});

describe('on a Cluster', () => {
  it('one key is one call, in the order asked', async () => {
    const { service } = await boot(open6());
    let decisions: Decision[] = [];
    const scripts = await scriptsOf(async () => {
      decisions = await askAll(service, Array(12).fill('ada'));
    });
    expect(scripts.sort()).toEqual([0, 0, 1]);
    expect(decisions.map(({ remaining }) => remaining)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0]);
  });

  it('scripts that were flushed are sent again', async () => {
    const { service } = await boot(open6());
    await tryOut(service);
    await askAll(service);
    await Promise.all(cluster.nodes.map(({ port }) => command(port, 'SCRIPT', 'FLUSH')));
    const decisions = await askAll(service);
    expect(decisions.map(({ remaining, source }) => [remaining, source])).toEqual(
      KEYS.map(() => [8, 'redis']),
    );
  });

  it('a master whose clock was set forward is asked again with what it has told', async () => {
    const client = open6();
    const { app, service } = await boot(client);
    await tryOut(service);
    const node = client.nodes('master')[0]!;
    const send = node.evalsha.bind(node) as (...args: string[]) => Promise<unknown>;
    // By that clock the deadline has long passed.
    const sendLate = (
      hash: string,
      keys: string,
      first: string,
      time: string,
      _: string,
      ...rest: string[]
    ) => send(hash, keys, first, time, '1', ...rest);
    const calls = jest.spyOn(node, 'evalsha').mockImplementationOnce(sendLate as never);
    for (const remaining of [9, 8]) {
      const decisions = await askAll(service);
      expect(decisions.map((decision) => [decision.remaining, decision.source])).toEqual(
        KEYS.map(() => [remaining, 'redis']),
      );
      expect(app.get(StoreHealth).state).toBe('closed');
    }
    // It is known to refuse the keys of others all the same.
    expect(calls).toHaveBeenCalledTimes(2);
  });

  it('what a master may have carried out is not sent again', async () => {
    const client = open6();
    const { service } = await boot(client);
    await tryOut(service);
    const node = client.nodes('master')[0]!;
    const send = node.evalsha.bind(node) as (...args: string[]) => Promise<unknown>;
    const sendInVain = async (...args: string[]) => {
      await send(...args);
      throw new Error('Command timed out');
    };
    jest.spyOn(node, 'evalsha').mockImplementationOnce(sendInVain as never);
    const scripts = await scriptsOf(() => askAll(service));
    // What was decided here is charged, and the node is asked whether it is there; but none of its slots by itself.
    expect(Math.max(...scripts)).toBeLessThan(KEYS.length / 6);
  });

  it('requests with limits in several slots are decided among the others', async () => {
    const { service } = await boot(open6());
    const stack = (key: string) =>
      service.consumeAll([
        { policy: quota, key },
        { policy: other, key: `${key}-other` },
      ]);
    const [singles, stacks] = await Promise.all([askAll(service), Promise.all(KEYS.map(stack))]);
    expect(singles.every(({ allowed, source }) => allowed && source === 'redis')).toBe(true);
    expect(stacks.every(({ allowed, decisions }) => allowed && decisions[0]!.source === 'redis')).toBe(true);
    const left = await Promise.all(KEYS.map((key) => service.peek(quota, key, { cost: 0 })));
    expect(left.map(({ remaining }) => remaining)).toEqual(KEYS.map(() => 8));
  });

  it('a slot that has moved is found, and the others of its call are decided once', async () => {
    const { service } = await boot(open6());
    await tryOut(service);
    await askAll(service);
    const [from, to, ...others] = cluster.nodes;
    const slots = KEYS.map((key) => slotOf(`{${key}}`))
      .filter((slot) => slot < 16_384 / 3)
      .slice(0, 3);
    expect(await reshard({ slots, from: from!, to: to!, others })).toBeGreaterThanOrEqual(3);
    try {
      const decisions = await askAll(service);
      expect(decisions.map(({ remaining, source }) => [remaining, source])).toEqual(
        KEYS.map(() => [8, 'redis']),
      );
    } finally {
      await reshard({ slots, from: to!, to: from!, others });
    }
  });

  it('slots that are half moved are decided where their keys are, and no bucket is there twice', async () => {
    const { service } = await boot(open6());
    await tryOut(service);
    await askAll(service);
    const [from, to, ...others] = cluster.nodes;
    const keysThere = KEYS.filter((key) => slotOf(`{${key}}`) < 16_384 / 3);
    const [gone, stays] = keysThere as [string, string];
    const ids = await Promise.all([from!, to!].map(({ port }) => command(port, 'CLUSTER', 'MYID')));
    const slots = [gone, stays].map((key) => slotOf(`{${key}}`));
    for (const slot of slots.map(String)) {
      await command(to!.port, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', ids[0]!);
      await command(from!.port, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', ids[1]!);
    }
    const name = (key: string) => `${prefix}:quota:{${key}}`;
    const target = ['127.0.0.1', String(to!.port), name(gone), '0', '1000'];
    await command(from!.port, 'MIGRATE', ...target);
    try {
      // Sent where the first is, the other would be begun anew.
      const two = await askAll(service, [gone, stays]);
      expect(two.map(({ remaining, source }) => [remaining, source])).toEqual([
        [8, 'redis'],
        [8, 'redis'],
      ]);
      const rest = KEYS.filter((key) => key !== gone && key !== stays);
      const all = await askAll(service, [gone, stays, ...rest]);
      expect(all.map(({ remaining, source }) => [remaining, source])).toEqual(
        KEYS.map((_, i) => [i < 2 ? 7 : 8, 'redis']),
      );
      const held = await command(to!.port, 'CLUSTER', 'COUNTKEYSINSLOT', String(slots[1]));
      expect(Number(held)).toBe(0);
    } finally {
      await reshard({ slots, from: from!, to: to!, others });
      await reshard({ slots, from: to!, to: from!, others });
    }
  });

  it('each take counts once, wherever slots are on their way while it is decided', async () => {
    const client = open6();
    const { service } = await boot(client);
    await tryOut(service);
    const calls = jest.spyOn(client.nodes('master')[0]!, 'evalsha');
    const [from, to, ...others] = cluster.nodes;
    const slots = KEYS.map((key) => slotOf(`{${key}}`)).filter((slot) => slot < 16_384 / 3);
    let isMoving = true;
    let asked = 0;
    const load = async () => {
      while (isMoving) {
        asked++;
        const decisions = await Promise.all(KEYS.map((key) => service.consume(many, key)));
        expect(new Set(decisions.map(({ source }) => source))).toEqual(new Set(['redis']));
      }
    };
    const loads = Promise.all([load(), load(), load()]);
    for (const slot of slots.slice(0, 3)) {
      await reshard({ slots: [slot], from: from!, to: to!, others, lingerMs: 20 });
      // Then it is asked with one call again.
      const before = calls.mock.calls.length;
      await eventually(() => calls.mock.calls.length > before, 'one call decides again');
      await reshard({ slots: [slot], from: to!, to: from!, others, lingerMs: 20 });
    }
    isMoving = false;
    await loads;
    const left = await Promise.all(KEYS.map((key) => service.peek(many, key, { cost: 0 })));
    expect(left.map(({ remaining }) => remaining)).toEqual(KEYS.map(() => 100_000 - asked));
    expect(asked).toBeGreaterThan(20);
  });

  it('a master that lets a script have what it does not serve is not asked about several slots', async () => {
    const client = open6();
    const { service } = await boot(client);
    const nodes = client.nodes('master');
    const looks = nodes.map((node) => jest.spyOn(node, 'eval').mockResolvedValue([1, 0, 0]));
    const calls = nodes.map((node) => jest.spyOn(node, 'evalsha'));
    for (const remaining of [9, 8, 7])
      expect((await askAll(service)).map((decision) => decision.remaining)).toEqual(
        KEYS.map(() => remaining),
      );
    expect(looks.map((look) => look.mock.calls.length)).toEqual([1, 1, 1]);
    expect(calls.map((call) => call.mock.calls.length)).toEqual([0, 0, 0]);
  });

  it('is asked so again on a new connection only after it has refused there', async () => {
    const client = open6();
    const { service } = await boot(client);
    await tryOut(service);
    const looks = client.nodes('master').map((node) => jest.spyOn(node, 'eval'));
    client.on('+node', (node: ReturnType<typeof client.nodes>[number]) =>
      looks.push(jest.spyOn(node, 'eval')),
    );
    const looked = () => looks.reduce((sum, look) => sum + look.mock.calls.length, 0);
    await askAll(service);
    expect(looked()).toBe(0);
    for (const node of client.nodes('master')) node.disconnect(true);
    await tryOut(service);
    expect((await askAll(service)).map((decision) => decision.remaining)).toEqual(KEYS.map(() => 8));
    expect(looked()).toBe(3);
  });

  it('a key that holds something else concerns nobody else, and is told once', async () => {
    const told = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const client = open6();
    const { app, service } = await boot(client);
    await tryOut(service);
    const admin = connectClusterAsAdmin(cluster.nodes);
    await admin.rpush(`${prefix}:quota:{key-7}`, 'x');
    const calls = client.nodes('master').map((node) => jest.spyOn(node, 'evalsha'));
    for (const remaining of [9, 8]) {
      const decisions = await askAll(service);
      expect(decisions.map((decision) => [decision.remaining, decision.source])).toEqual(
        KEYS.map((_, i) => [remaining, i === 7 ? 'memory' : 'redis']),
      );
    }
    expect(told).toHaveBeenCalledTimes(1);
    expect(String(told.mock.calls[0]![0])).toContain("'quota:{key-7}'");
    // The master that could not decide its call is not asked so for a while.
    expect(calls.map((call) => call.mock.calls.length).sort()).toEqual([1, 2, 2]);
    expect(app.get(StoreHealth).state).toBe('closed');
  });

  it('a master that is frozen concerns its own keys only, and what they have taken is charged afterwards', async () => {
    jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    jest.spyOn(Logger.prototype, 'log').mockImplementation(() => undefined);
    const { app, service } = await boot(open6(), { storeTimeoutMs: 100 });
    await tryOut(service);
    const [frozen] = cluster.nodes;
    const isFrozen = KEYS.map((key) => slotOf(`{${key}}`) < 16_384 / 3);
    frozen!.pause();
    try {
      for (let turn = 0; turn < 2; turn++) {
        const decisions = await askAll(service);
        expect(decisions.map(({ source }) => source)).toEqual(
          isFrozen.map((is) => (is ? 'memory' : 'redis')),
        );
        expect(decisions.every(({ allowed }) => allowed)).toBe(true);
      }
    } finally {
      frozen!.resume();
    }
    await eventually(() => app.get(StoreHealth).state === 'closed', 'it decides again');
    await eventually(async () => {
      const left = await Promise.all(KEYS.map((key) => service.peek(quota, key, { cost: 0 })));
      return left.every(({ remaining, source }) => remaining === 8 && source === 'redis');
    }, 'all is charged');
  });
});

describe('partitions', () => {
  const names = async () => {
    const admin = connectClusterAsAdmin(cluster.nodes);
    // A client knows its masters with the first reply.
    await admin.exists('none');
    return (await Promise.all(admin.nodes('master').map((node) => node.keys(`${prefix}:*`)))).flat();
  };

  it('put buckets into so many slots, spread over all masters: a call has many keys', async () => {
    // With it no master is asked about several slots.
    const { service } = await boot(open6({ enableAutoPipelining: true }), { partitions: 6 });
    let decisions: Decision[] = [];
    const scripts = await scriptsOf(async () => {
      decisions = await askAll(service);
    });
    expect(scripts).toEqual([2, 2, 2]);
    expect(decisions.map(({ remaining, source }) => [remaining, source])).toEqual(
      KEYS.map(() => [9, 'redis']),
    );
    const found = await names();
    expect(new Set(found.map((name) => slotOf(name))).size).toBe(6);
    // Each bucket once, and its key can still be read from its name.
    const buckets = found.filter((name) => name.includes(':quota:'));
    expect(buckets.map((name) => /^[^{]+:\{\d+\}:quota:\{(.*)\}$/.exec(name)?.[1]).sort()).toEqual(
      [...KEYS].sort(),
    );
  });

  it('keep all buckets of a key together', async () => {
    const { service } = await boot(open6(), { partitions: 100 });
    await Promise.all(
      KEYS.map((key) => Promise.all([quota, other].map((policy) => service.consume(policy, key)))),
    );
    const slots = new Map<string, Set<number>>();
    for (const name of await names()) {
      const key = name.slice(name.lastIndexOf('{'));
      slots.set(key, (slots.get(key) ?? new Set()).add(slotOf(name)));
    }
    expect(KEYS.map((key) => slots.get(`{${key}}`)?.size)).toEqual(KEYS.map(() => 1));
  });

  it('everything else finds the buckets there', async () => {
    const { app, service } = await boot(open6(), { partitions: 4, fullest: true });
    const admin = app.get(RateLimitAdmin);
    await service.consume(quota, 'ada', { cost: 6 });
    const reservation = await service.reserve(quota, 'ada', { cost: 3 });
    expect(await service.settle(reservation, 1)).toMatchObject({ settled: true });
    expect(await service.refund(quota, 'ada', 2)).toBe(true);
    expect(await service.sync(quota, 'ada', { remaining: 2 })).toMatchObject({ remaining: 1 });
    await service.block(quota, 'ada');
    expect(await service.consume(quota, 'ada')).toMatchObject({ allowed: false });
    expect(await service.unblock(quota, 'ada')).toBe(true);
    const [found] = await admin.find('ada');
    expect(found).toMatchObject({ policy: 'quota', key: 'ada' });
    expect(found!.storeKey).toMatch(/:\{\d+\}:quota:\{ada\}$/);
    await eventually(
      async () => (await admin.fullest(quota)).some(({ key }) => key === 'ada'),
      'it is noted',
    );
    expect(await service.reset(quota, 'ada')).toBe(true);
    expect((await names()).filter((name) => name.endsWith('{ada}'))).toEqual([]);
  });

  it('make other buckets of many keys where their number is another', async () => {
    const client = open6();
    const { service: one } = await boot(client, { partitions: 4 });
    await Promise.all(KEYS.map((key) => one.consume(quota, key, { cost: 10 })));
    const { service: two } = await boot(client, { partitions: 5 });
    const isFull = async (service: RateLimiterService) =>
      (await askAll(service)).filter(({ remaining }) => remaining === 9).length;
    expect(await isFull(two)).toBeGreaterThan(10);
    expect(await isFull(one)).toBe(0);
  });

  it.each([0, 1.5, 16_385, '4', null])('are no %p', async (partitions) => {
    const rateLimit = { partitions } as unknown as RateLimitModuleOptions;
    await expect(bootApp({ rateLimit })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('partitions'),
    });
  });
});
