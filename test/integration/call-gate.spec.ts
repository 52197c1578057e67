import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import slotOf from 'cluster-key-slot';
import type { CallGate, CallTarget } from '../../lib/stores/call-gate.js';
import { ClusterStore } from '../../lib/stores/redis/cluster.store.js';
import { RedisStore } from '../../lib/stores/redis/redis.store.js';
import type { Store, Transaction, TransactionReply } from '../../lib/stores/store.interface.js';
import { closeClients, connect, connectCluster, connectClusterAsAdmin } from '../support/redis/clients.js';
import { type RedisCluster, startCluster } from '../support/redis/cluster.js';
import { command } from '../support/redis/raw.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';

let server: RedisServer;
let alone: RedisServer;
let cluster: RedisCluster;

beforeAll(async () => {
  [server, alone, cluster] = await Promise.all([startRedis(), startRedis(), startCluster()]);
});

afterAll(async () => {
  await closeClients();
  await Promise.all([server.stop(), alone.stop(), cluster.stop()]);
});

const PREFIX = 'floodgate:gate';

const taking = (...keys: string[]): Transaction => ({
  takes: keys.map((key) => ({
    key,
    scale: { ticksPerMicro: 1, ticksPerToken: 3_600_000_000 },
    capacity: 100,
    cost: 1,
    allowance: 99 * 3_600_000_000,
    startLevel: undefined,
    promises: false,
  })),
});

interface Passed extends CallTarget {
  readonly until: number | undefined;
}

/** A gate that notes what passes. */
class NotingGate implements CallGate {
  readonly passed: Passed[] = [];
  /** What the gate does instead of waiting for the call. */
  giveUp: ((to: CallTarget) => Promise<void> | undefined) | undefined;

  async call<T>(
    to: CallTarget,
    until: number | undefined,
    make: () => Promise<T>,
    onLate?: (value: T) => void,
  ): Promise<T> {
    this.passed.push({ ...to, until });
    const late = this.giveUp?.(to);
    if (late === undefined) return make();
    const made = make();
    void late.then(async () => onLate?.(await made));
    throw new Error('given up');
  }
}

const onServer = (gate?: CallGate, timeoutMs?: number) =>
  new RedisStore(connect(server.url), { prefix: PREFIX, gate, timeoutMs });

async function onCluster(gate?: CallGate, timeoutMs?: number) {
  const client = connectCluster(cluster.nodes);
  await client.get(`${PREFIX}:{ready}`);
  return { client, store: new ClusterStore(new RedisStore(client, { prefix: PREFIX, gate, timeoutMs })) };
}

/** A key whose slot lies between two. */
function keyIn(least: number, most: number): string {
  for (;;) {
    const key = `x:{${Math.random()}}`;
    const slot = slotOf(`${PREFIX}:${key}`);
    if (slot >= least && slot <= most) return key;
  }
}

const everyCall: [string, (store: Store) => unknown, string[]][] = [
  ['decide', (store) => store.decide([taking('a:{1}', 'b:{1}')]), ['a:{1}']],
  ['refund', (store) => store.refund('a:{1}', 1), ['a:{1}']],
  [
    'undo',
    (store) => {
      const after = { level: 1, at: 1, ticksPerMicro: 1, ticksPerToken: 1 };
      return store.undo([
        { key: 'a:{1}', before: undefined, after },
        { key: 'a:{2}', before: undefined, after },
      ]);
    },
    ['a:{1}', 'a:{2}'],
  ],
  [
    'settle',
    (store) => store.settle('a:{1}', { id: 'x', cost: 1, maxDebt: undefined, lowers: true }),
    ['a:{1}'],
  ],
  [
    'report',
    (store) => {
      const scale = { ticksPerMicro: 1, ticksPerToken: 1 };
      return store.report('a:{1}', { scale, missing: 0, mark: undefined, lowers: true, block: 0 });
    },
    ['a:{1}'],
  ],
  ['unblock', (store) => store.unblock('a:{1}'), ['a:{1}']],
  ['reset', (store) => store.reset('a:{1}'), ['a:{1}']],
  ['inspect', (store) => store.inspect(['a:{1}']), ['a:{1}']],
  ['bucketsOf', (store) => store.bucketsOf('a'), ['fullest:a']],
  ['remember', (store) => store.remember('a', [{ bucket: 'a:{1}', fullAfterMs: 1 }]), ['fullest:a']],
  ['readLimits', (store) => store.readLimits(), ['limits']],
  ['writeLimits', (store) => store.writeLimits('a', '{}'), ['limits']],
  ['deleteLimits', (store) => store.deleteLimits('a'), ['limits']],
];

describe('the gate of a Redis store', () => {
  it.each(everyCall)('is passed by %s, with the key and the time that is allowed', async (_, call, keys) => {
    const gate = new NotingGate();
    const before = performance.now();
    await call(onServer(gate, 5000));
    expect(gate.passed.map(({ node, key }) => [node, key])).toEqual(keys.map((key) => ['', key]));
    for (const { until = 0 } of gate.passed) {
      expect(until).toBeGreaterThanOrEqual(before + 5000);
      expect(until).toBeLessThanOrEqual(performance.now() + 5000);
    }
  });

  it('is told of no end where none is set, and of that of a decision where one is', async () => {
    const gate = new NotingGate();
    const until = performance.now() + 1234;
    await onServer(gate).decide([taking('a:{1}')]);
    await onServer(gate).decide([taking('a:{1}')], { until });
    await onServer(gate, 5000).decide([taking('a:{1}')], { until });
    expect(gate.passed.map((passed) => passed.until)).toEqual([undefined, until, until]);
  });

  it('hands the replies of a decision that it has given up to those who asked', async () => {
    const gate = new NotingGate();
    gate.giveUp = () => Promise.resolve();
    const transactions = [taking(`late:{${Math.random()}}`)];
    const told = new Promise((resolve) => {
      const onLate = (...late: unknown[]) => resolve(late);
      const until = performance.now() + 5000;
      const decided = onServer(gate).decide(transactions, { until, onLate });
      return expect(decided).rejects.toThrow('given up');
    });
    const admitted = expect.objectContaining({ admitted: true, source: 'redis' });
    expect(await told).toEqual([transactions, [admitted]]);
  });
});

describe('the gate of a cluster', () => {
  it('is told of the master that serves the key, also behind a prefix of the client', async () => {
    const gate = new NotingGate();
    const clients = [
      connectCluster(cluster.nodes),
      connectCluster(cluster.nodes, { keyPrefix: 'floodgate:{app}:' }),
    ];
    const seen: string[][] = [];
    for (const client of clients) {
      await client.get(`${PREFIX}:{ready}`);
      const store = new RedisStore(client, { prefix: PREFIX, gate });
      for (const key of ['a:{1}', 'a:{2}', 'a:{3}', 'limits']) {
        const name = `${client.options.keyPrefix ?? ''}${PREFIX}:${key}`;
        const slot = Number(await command(cluster.nodes[0]!.port, 'CLUSTER', 'KEYSLOT', name));
        const master = cluster.nodes[Math.floor((slot * cluster.nodes.length) / 16_384)]!;
        await store.reset(key);
        seen.push([gate.passed.at(-1)!.node, `${master.host}:${master.port}`]);
      }
    }
    for (const [node, master] of seen) expect(node).toBe(master);
    expect(new Set(seen.slice(0, 4).map(([node]) => node)).size).toBeGreaterThan(1);
  });

  it('has one time for all slots of a request', async () => {
    const gate = new NotingGate();
    const { store } = await onCluster(gate, 5000);
    await store.decide([taking('a:{1}', 'a:{2}', 'a:{3}')]);
    expect(gate.passed).toHaveLength(6);
    expect(new Set(gate.passed.map(({ until }) => until)).size).toBe(1);
  });

  it('gives back what was taken where a later slot fails, which the caller does not wait for', async () => {
    const gate = new NotingGate();
    const { store } = await onCluster(gate, 5000);
    const keys = [0, 1].map(() => `back:{${Math.random()}}`) as [string, string];
    const late: [readonly Transaction[], readonly TransactionReply[]][] = [];
    let arrive = () => {};
    gate.giveUp = ({ key }) => {
      // Both are asked, the first is taken, the second too late, and the first is then given back late too.
      if (gate.passed.length < 4) return undefined;
      return key === keys[1] ? new Promise((resolve) => (arrive = resolve)) : undefined;
    };
    const onLate = (...of: (typeof late)[number]) => late.push(of);
    const decided = store.decide([taking(...keys)], { until: performance.now() + 5000, onLate });
    await expect(decided).rejects.toThrow('given up');
    const admin = connectClusterAsAdmin(cluster.nodes);
    await gone(() => admin.exists(`${PREFIX}:${keys[0]}`));
    expect(late).toEqual([]);
    arrive();
    await gone(async () => 1 - late.length);
    expect(late[0]![0]).toEqual([expect.objectContaining(taking(keys[1]))]);
    expect(late[0]![1]).toEqual([expect.objectContaining({ admitted: true })]);
  });

  it('is told late only of what was decided, where one of the slots of a master could not be', async () => {
    const gate = new NotingGate();
    const store = onServer(gate, 5000);
    const [bad, good] = ['list', 'text'].map((key) => `late:{${key}}`) as [string, string];
    await command(server.port, 'RPUSH', `${PREFIX}:${bad}`, 'x');
    const late: [readonly Transaction[], readonly TransactionReply[]][] = [];
    const onLate = (...of: (typeof late)[number]) => late.push(of);
    gate.giveUp = () => Promise.resolve();
    const transactions = [bad, good].map((key) => taking(key));
    const decided = store.decideOfMaster(transactions, [1, 2], { until: performance.now() + 5000, onLate });
    await expect(decided).rejects.toThrow('given up');
    await gone(async () => 1 - late.length);
    expect(late).toEqual([[[transactions[1]], [expect.objectContaining({ admitted: true })]]]);
  });

  it('tells what each master has come to, where several requests are asked in one call', async () => {
    const gate = new NotingGate();
    const { store } = await onCluster(gate, 5000);
    // Of three masters the first has the lowest slots, and the last the highest.
    const transactions = [keyIn(0, 5000), keyIn(11_000, 16_383)].map((key) => taking(key));
    gate.giveUp = () => (gate.passed.length === 2 ? new Promise(() => {}) : undefined);
    const failed = await Promise.resolve(store.decide(transactions)).catch((error: unknown) => error);
    expect(failed).toMatchObject({
      name: 'SomeFailedError',
      outcomes: [{ admitted: true }, { message: 'given up' }],
    });
  });
});

async function gone(count: () => Promise<number>): Promise<void> {
  while ((await count()) > 0) await new Promise((resolve) => setImmediate(resolve));
}

describe('a probe', () => {
  it('passes no gate, and leaves nothing', async () => {
    const gate = new NotingGate();
    const store = new RedisStore(connect(alone.url), { prefix: PREFIX, gate });
    await store.probe('a:{1}');
    expect(gate.passed).toEqual([]);
    await gone(async () => Number(await command(alone.port, 'DBSIZE')));
  });

  it.each(['a:{1}', 'a:{2}', 'a:{3}', 'limits', 'fullest:a'])(
    'goes to the master of the key, on a cluster: %s',
    async (key) => {
      const gate = new NotingGate();
      const { store } = await onCluster(gate);
      await store.unblock(key);
      await Promise.all(cluster.nodes.map(({ port }) => command(port, 'CONFIG', 'RESETSTAT')));
      await store.probe(key);
      const stats = cluster.nodes.map(({ port }) => command(port, 'INFO', 'commandstats'));
      const asked = (await Promise.all(stats)).map((text) => /^cmdstat_eval(?:sha)?:/m.test(text));
      expect(cluster.nodes.flatMap(({ host, port }, i) => (asked[i] ? `${host}:${port}` : []))).toEqual(
        gate.passed.map(({ node }) => node),
      );
    },
  );

  it.each([
    ['that is full', ['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0'], /OOM/],
    ['that only replicates', ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE'], /READONLY/],
    [
      'that forbids writing',
      ['ACL', 'SETUSER', 'default', '-set', '-setrange'],
      ['ACL', 'SETUSER', 'default', '+set', '+setrange'],
      /NOPERM|ACL|can't run this command/,
    ],
    [
      'where a key is out of reach',
      ['ACL', 'SETUSER', 'default', 'resetkeys', '~other:*'],
      ['ACL', 'SETUSER', 'default', '~*'],
      /NOPERM|key/,
    ],
  ])('fails on a server %s', async (_, breakIt, mendIt, message) => {
    const store = new RedisStore(connect(alone.adminUrl), { prefix: PREFIX });
    await store.probe('a:{1}');
    await command(alone.port, ...breakIt);
    await expect(store.probe('a:{1}')).rejects.toThrow(message);
    await command(alone.port, ...mendIt);
    await store.probe('a:{1}');
  });
});
