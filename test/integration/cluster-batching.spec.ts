// Many decisions with few writes to the masters of a real Cluster.
import { describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import slotOf from 'cluster-key-slot';
import { type Decision, StoreHealth } from '../../lib/index.js';
import { type RedisClient, runScript } from '../../lib/stores/redis/redis-client.js';
import { eventually } from '../support/eventually.js';
import { connectCluster6, connectClusterAsAdmin } from '../support/redis/clients.js';
import { command } from '../support/redis/raw.js';
import { askAll, KEYS, other, quota, useCluster } from '../support/redis/use-cluster.js';

const used = useCluster();

describe.each([
  ['ioredis 5', used.open5, {}],
  ['ioredis 5 with auto-pipelining', used.open5, { enableAutoPipelining: true }],
  ['ioredis 6', used.open6, {}],
  ['ioredis 6 with auto-pipelining', used.open6, { enableAutoPipelining: true }],
  ['ioredis 6 with a prefix of its own', used.open6, { keyPrefix: 'floodgate:app:' }],
])('with %s', (_, open, options) => {
  const isGathered = 'enableAutoPipelining' in options;

  it(`decisions of one turn are one write to each master, ${isGathered ? 'and a call for each slot' : 'and one call'}`, async () => {
    const { service } = await used.boot(open(options));
    if (!isGathered) await used.tryOut(service);
    for (const remaining of [9, 8, 7]) {
      let decisions: Decision[] = [];
      const run = await used.ranSince(async () => {
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
  const { service } = await used.boot(used.open6(), { crossSlot: false });
  for (const remaining of [9, 8, 7]) {
    let decisions: Decision[] = [];
    const scripts = await used.scriptsOf(async () => {
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
    const { service } = await used.boot(used.open6(options), { partitions: 1 });
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
  const addresses = used.cluster.nodes.map(({ host, port }) => ({ host, port }));
  const client = connectCluster6(addresses, { enableAutoPipelining: true });
  await Promise.all([client.set(`${used.prefix}{0}a`, 'a'), client.set(`${used.prefix}{0}b`, 'b')]);
  const holdsTheLine = client.blpop(`${used.prefix}{0}none`, 0.2);
  await new Promise((resolve) => setImmediate(resolve));
  const before = client.get(`${used.prefix}{0}a`);
  const script = { name: 'floodgate:count', lua: 'return #KEYS' };
  const keys = Array.from({ length: 40 }, (_, i) => `${used.prefix}{0}${i}`);
  const counted = runScript(client as unknown as RedisClient, { script, keys, args: [] });
  const after = client.get(`${used.prefix}{0}b`);
  expect(await Promise.all([holdsTheLine, before, counted, after])).toEqual([null, 'a', 40, 'b']);
});

describe('on a Cluster', () => {
  it('one key is one call, in the order asked', async () => {
    const { service } = await used.boot(used.open6());
    let decisions: Decision[] = [];
    const scripts = await used.scriptsOf(async () => {
      decisions = await askAll(service, Array(12).fill('ada'));
    });
    expect(scripts.sort()).toEqual([0, 0, 1]);
    expect(decisions.map(({ remaining }) => remaining)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0]);
  });

  it('scripts that were flushed are sent again', async () => {
    const { service } = await used.boot(used.open6());
    await used.tryOut(service);
    await askAll(service);
    await Promise.all(used.cluster.nodes.map(({ port }) => command(port, 'SCRIPT', 'FLUSH')));
    const decisions = await askAll(service);
    expect(decisions.map(({ remaining, source }) => [remaining, source])).toEqual(
      KEYS.map(() => [8, 'redis']),
    );
  });

  it('a master whose clock was set forward is asked again with what it has told', async () => {
    const client = used.open6();
    const { app, service } = await used.boot(client);
    await used.tryOut(service);
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
    const client = used.open6();
    const { service } = await used.boot(client);
    await used.tryOut(service);
    const node = client.nodes('master')[0]!;
    const send = node.evalsha.bind(node) as (...args: string[]) => Promise<unknown>;
    const sendInVain = async (...args: string[]) => {
      await send(...args);
      throw new Error('Command timed out');
    };
    jest.spyOn(node, 'evalsha').mockImplementationOnce(sendInVain as never);
    const scripts = await used.scriptsOf(() => askAll(service));
    // What was decided here is charged, and the node is asked whether it is there; but none of its slots by itself.
    expect(Math.max(...scripts)).toBeLessThan(KEYS.length / 6);
  });

  it('requests with limits in several slots are decided among the others', async () => {
    const { service } = await used.boot(used.open6());
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

  it('a master that lets a script have what it does not serve is not asked about several slots', async () => {
    const client = used.open6();
    const { service } = await used.boot(client);
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
    const client = used.open6();
    const { service } = await used.boot(client);
    await used.tryOut(service);
    const looks = client.nodes('master').map((node) => jest.spyOn(node, 'eval'));
    client.on('+node', (node: ReturnType<typeof client.nodes>[number]) =>
      looks.push(jest.spyOn(node, 'eval')),
    );
    const looked = () => looks.reduce((sum, look) => sum + look.mock.calls.length, 0);
    await askAll(service);
    expect(looked()).toBe(0);
    for (const node of client.nodes('master')) node.disconnect(true);
    await used.tryOut(service);
    expect((await askAll(service)).map((decision) => decision.remaining)).toEqual(KEYS.map(() => 8));
    expect(looked()).toBe(3);
  });

  it('a key that holds something else concerns nobody else, and is told once', async () => {
    const told = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const client = used.open6();
    const { app, service } = await used.boot(client);
    await used.tryOut(service);
    const admin = connectClusterAsAdmin(used.cluster.nodes);
    await admin.rpush(`${used.prefix}:quota:{key-7}`, 'x');
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
    const { app, service } = await used.boot(used.open6(), { storeTimeoutMs: 100 });
    await used.tryOut(service);
    const [frozen] = used.cluster.nodes;
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
