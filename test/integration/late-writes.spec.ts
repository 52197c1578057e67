// What was given up is not carried out. Judged by the times in the records, which are the server's: it runs on this machine, so
// its clock is the wall clock of these tests.
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { BucketRecord } from '../../lib/algorithms/record.js';
import type { CallGate, CallTarget } from '../../lib/stores/call-gate.js';
import { ClusterStore } from '../../lib/stores/redis/cluster.store.js';
import { parseRecord } from '../../lib/stores/redis/record-text.js';
import { RedisStore } from '../../lib/stores/redis/redis.store.js';
import type { RedisClient } from '../../lib/stores/redis/redis-client.js';
import type { Store, Transaction, TransactionReply } from '../../lib/stores/store.interface.js';
import { eventually } from '../support/eventually.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import {
  closeClients,
  connect,
  connect5,
  connect6,
  connectCluster,
  connectCluster5,
  connectCluster6,
} from '../support/redis/clients.js';
import { type RedisCluster, startCluster } from '../support/redis/cluster.js';
import { ask, command } from '../support/redis/raw.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';
import { TcpProxy } from '../support/tcp-proxy.js';

const TIMEOUT_MS = 100;
const TAKES = 50;
/** How well the wall clock is known here, in milliseconds. */
const UNSURE_MS = 2;

/** Gives up at the time that a call has, as the store around the store does. */
const impatient: CallGate = {
  call<T>(
    _: CallTarget,
    until: number | undefined,
    make: () => Promise<T>,
    onLate?: (value: T) => void,
  ): Promise<T> {
    if (until === undefined) return make();
    return new Promise<T>((resolve, reject) => {
      let isOver = false;
      const giveUp = () => {
        isOver = true;
        reject(new Error('given up'));
      };
      const timer = setTimeout(giveUp, until - performance.now());
      const end = (value: T): void => (isOver ? onLate?.(value) : resolve(value));
      make()
        .then(end, reject)
        .finally(() => clearTimeout(timer));
    });
  },
};

/** An hour's rate: what is taken here stays for the test. */
const SCALE = { ticksPerMicro: 1, ticksPerToken: 3_600_000_000 };

const taking = (key: string, cost = 1): Transaction => ({
  takes: [
    {
      key,
      scale: SCALE,
      capacity: 1000,
      cost,
      allowance: (1000 - cost) * SCALE.ticksPerToken,
      startLevel: undefined,
      promises: false,
    },
  ],
});

/** The wall clock at a time of `performance.now()`. */
const wallClockAt = (local: number): number => Date.now() - performance.now() + local;

let prefix: string;
beforeEach(() => {
  prefix = freshPrefix('late');
});

/** The buckets of this test on some servers, and what is in them. */
async function recordsOn(
  ...servers: readonly { readonly port: number }[]
): Promise<Map<string, BucketRecord>> {
  const found = new Map<string, BucketRecord>();
  for (const { port } of servers) {
    for (const line of (await command(port, 'EVAL', LIST, '0', `${prefix}:p:*}`)).split('\n').slice(1)) {
      const [key, record] = line.split('=') as [string, string];
      found.set(key.slice(prefix.length + 1), parseRecord(record)!);
    }
  }
  return found;
}
const LIST =
  "local t = '' for _, k in ipairs(redis.call('KEYS', ARGV[1])) do t = t .. '\\n' .. k .. '=' .. redis.call('GET', k) end return t";

/** What a bucket has lost by draining meanwhile is little of a token. */
const tokensIn = async (key: string) =>
  Math.round(((await recordsOn(server)).get(key)?.level ?? 0) / SCALE.ticksPerToken);

/** Takes from many buckets, each with a deadline, and what was told of them. */
class Takes {
  readonly until = new Map<string, number>();
  readonly answered = new Set<string>();
  readonly late = new Set<string>();
  readonly failed = new Set<string>();
  private readonly pending: Promise<unknown>[] = [];

  constructor(
    private readonly store: Store,
    private readonly policy = 'p',
  ) {}

  take(count: number, withDeadline = true): this {
    for (let i = 0; i < count; i++) this.takeOne(`${this.policy}:{${this.until.size}}`, withDeadline);
    return this;
  }

  takeOne(key: string, withDeadline = true): void {
    const until = performance.now() + TIMEOUT_MS;
    this.until.set(key, until);
    const onLate = ([of]: readonly Transaction[], [reply]: readonly TransactionReply[]) => {
      if (reply!.admitted) this.late.add(of!.takes[0]!.key);
    };
    const decided = Promise.resolve(
      this.store.decide([taking(key)], withDeadline ? { until, onLate } : undefined),
    );
    const told = [() => this.answered.add(key), () => this.failed.add(key)] as const;
    this.pending.push(decided.then(...told));
  }

  async settle(): Promise<void> {
    await Promise.all(this.pending);
  }

  async deadlinesPass(): Promise<void> {
    const last = Math.max(...this.until.values());
    await eventually(() => performance.now() > last + 50, 'the deadlines pass');
  }

  /** Those that were carried out after their deadline, on a server whose clock is so far ahead. */
  tooLate(found: ReadonlyMap<string, BucketRecord>, aheadMs = 0): string[] {
    return [...found].flatMap(([key, { at }]) => {
      const wallClock = at / 1000 - aheadMs;
      return wallClock > wallClockAt(this.until.get(key)!) + UNSURE_MS ? [key] : [];
    });
  }
}

/** When this is answered, what was sent before it on the same connection has been decided. */
const allIsDone = (store: Store) => store.inspect(['none:{none}']);

const majors = [
  { major: 5, connect: connect5 as unknown as typeof connect6, cluster: connectCluster5 },
  { major: 6, connect: connect6, cluster: connectCluster6 },
];

let server: RedisServer;
let proxy: TcpProxy;
let masters: RedisCluster;
beforeAll(async () => {
  [server, masters] = await Promise.all([startRedis(), startCluster()]);
  proxy = await TcpProxy.start(server);
});
afterEach(closeClients);
afterAll(async () => {
  await proxy.stop();
  await Promise.all([server.stop(), masters.stop()]);
});

/** A store that has found out what time it is there. */
async function storeOn(client: RedisClient): Promise<RedisStore> {
  const store = new RedisStore(client, { prefix, gate: impatient });
  await store.decide([taking('warm:{up}')], { until: performance.now() + 5000 });
  return store;
}

/** Takes before a freeze, in it, and shortly before the first deadlines; thaws when all have passed. */
async function freeze(store: Store, frozen: RedisServer, withDeadline = true): Promise<Takes> {
  const takes = new Takes(store).take(TAKES, withDeadline);
  await new Promise((resolve) => setImmediate(resolve));
  frozen.pause();
  takes.take(TAKES, withDeadline);
  await new Promise((resolve) => setTimeout(resolve, TIMEOUT_MS / 2));
  takes.take(TAKES, withDeadline);
  await takes.deadlinesPass();
  frozen.resume();
  await takes.settle();
  await allIsDone(store);
  return takes;
}

/** Takes that the server has received and does not answer, and more while it is gone; it is back when all deadlines have passed. */
async function restart(store: Store, withDeadline = true): Promise<Takes> {
  server.pause();
  const takes = new Takes(store).take(TAKES, withDeadline);
  await new Promise((resolve) => setTimeout(resolve, TIMEOUT_MS / 2));
  await server.kill();
  takes.take(TAKES, withDeadline);
  await takes.deadlinesPass();
  await server.start();
  await allIsDone(store);
  await takes.settle();
  return takes;
}

describe.each(majors)('with ioredis $major and its default options', ({ connect: connectTo, cluster }) => {
  const open = () => storeOn(connectTo(server.url));

  it('a take that was given up while the server was frozen is not carried out when it thaws', async () => {
    const takes = await freeze(await open(), server);
    const found = await recordsOn(server);
    expect(takes.failed.size).toBeGreaterThanOrEqual(2 * TAKES);
    expect(takes.tooLate(found)).toEqual([]);
    // Nobody has taken what nobody knows of: all was answered, or told afterwards.
    expect(new Set(found.keys())).toEqual(new Set([...takes.answered, ...takes.late]));
  });

  it('it is carried out, where it has no deadline', async () => {
    const takes = await freeze(await open(), server, false);
    expect(takes.tooLate(await recordsOn(server)).length).toBeGreaterThanOrEqual(2 * TAKES);
  });

  it('a take that was given up while the server was down is not carried out when it is back', async () => {
    const takes = await restart(await open());
    expect(takes.failed.size).toBe(2 * TAKES);
    expect((await recordsOn(server)).size).toBe(0);
  });

  it('it is carried out, where it has no deadline', async () => {
    const takes = await restart(await open(), false);
    expect(takes.tooLate(await recordsOn(server))).toHaveLength(2 * TAKES);
  });

  it('a frozen master of a cluster carries nothing out either, and the others go on', async () => {
    const client = cluster(masters.nodes) as RedisClient;
    const store = new ClusterStore(await storeOn(client));
    // A client connects to a master with the first call.
    for (let i = 0; i < 20; i++) await store.decide([taking(`warm:{${i}}`)]);
    const takes = await freeze(store, masters.nodes[0]!);
    const found = await recordsOn(...masters.nodes);
    expect(takes.tooLate(found)).toEqual([]);
    expect(new Set(found.keys())).toEqual(new Set([...takes.answered, ...takes.late]));
    // Of three masters one has answered nothing for two thirds of the takes, and two have gone on.
    expect(takes.failed.size).toBeGreaterThan(TAKES / 3);
    expect(takes.answered.size).toBeGreaterThan(TAKES);
  });
});

/** A client of a server whose clock can be set: how far it is ahead is in a key. Of the scripts only the time is changed. */
function withClock(client: RedisClient): { client: RedisClient; set: (aheadMs: number) => Promise<unknown> } {
  const step = `${prefix}:step`;
  const time = `(function()
    local time = redis.call('TIME')
    return { string.format('%.0f', time[1] + (redis.call('GET', '${step}') or 0)), time[2] }
  end)()`;
  const defineCommand: RedisClient['defineCommand'] = (name, definition) =>
    client.defineCommand(name, { ...definition, lua: definition.lua.replace("redis.call('TIME')", time) });
  const changed = new Proxy(client, {
    get(target, name) {
      const value: unknown = name === 'defineCommand' ? defineCommand : Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { client: changed, set: (aheadMs) => command(server.port, 'SET', step, String(aheadMs / 1000)) };
}

/** Less than the hour after which a record expires, whatever a script takes the time to be. */
const STEP_MS = 600_000;

/** How many scripts the server has run since, and how many calls it has refused as late. */
async function callsOf<T>(act: () => Promise<T>): Promise<{ scripts: number; late: number }> {
  await command(server.port, 'CONFIG', 'RESETSTAT');
  await act();
  const stats = (
    await ask(server.port, [
      ['INFO', 'commandstats'],
      ['INFO', 'errorstats'],
    ])
  ).join('');
  const calls = [...stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)];
  const late = /errorstat_LATE:count=(\d+)/.exec(stats);
  return { scripts: calls.reduce((sum, [, count]) => sum + Number(count), 0), late: Number(late?.[1] ?? 0) };
}

describe('where the clock of the server', () => {
  const until = () => performance.now() + TIMEOUT_MS;

  it.each([
    ['is ahead', STEP_MS],
    ['is behind', -STEP_MS],
  ])('%s by ten minutes, takes are carried out, and not too late', async (_, aheadMs) => {
    const { client, set } = withClock(connect(server.url));
    await set(aheadMs);
    const store = await storeOn(client);
    const before = new Takes(store, 'before').take(TAKES);
    await before.settle();
    expect(before.answered.size).toBe(TAKES);
    const takes = await freeze(store, server);
    const found = await recordsOn(server);
    expect(found.size).toBe(takes.answered.size + takes.late.size);
    expect(takes.tooLate(found, aheadMs)).toEqual([]);
  });

  it('was set forward, the first take is refused as late, and sent again with what that has told', async () => {
    const { client, set } = withClock(connect(server.url));
    const store = await storeOn(client);
    await set(STEP_MS);
    const take = async () =>
      expect((await store.decide([taking('p:{1}')], { until: until() }))[0]!.admitted).toBe(true);
    expect(await callsOf(take)).toEqual({ scripts: 2, late: 1 });
    expect(await callsOf(take)).toEqual({ scripts: 1, late: 0 });
    expect(await tokensIn('p:{1}')).toBe(2);
  });

  it('was set back, the deadlines are right from the next reply on', async () => {
    const { client, set } = withClock(connect(server.url));
    const store = await storeOn(client);
    await set(-STEP_MS);
    await store.decide([taking('warm:{up}')], { until: until() });
    const takes = await freeze(store, server);
    const found = await recordsOn(server);
    expect(found.size).toBe(takes.answered.size + takes.late.size);
    expect(takes.tooLate(found, -STEP_MS)).toEqual([]);
  });

  it('may be another after a reconnection, it is asked again before the first take', async () => {
    const client = connect(server.url);
    const store = await storeOn(client);
    const take = () => store.decide([taking('p:{1}')], { until: performance.now() + 5000 });
    expect(await callsOf(take)).toEqual({ scripts: 1, late: 0 });
    const isBack = once(client, 'ready');
    client.disconnect(true);
    await isBack;
    expect((await callsOf(take)).scripts).toBeGreaterThanOrEqual(2);
    expect((await callsOf(take)).scripts).toBe(1);
  });
});

describe('a reply that comes too late', () => {
  it('is told, where the take was carried out in time', async () => {
    const takes = new Takes(await storeOn(connectThroughProxy()));
    proxy.hold('reply');
    takes.takeOne('p:{slow}');
    await takes.deadlinesPass();
    await takes.settle();
    expect([takes.failed.size, takes.late.size]).toEqual([1, 0]);
    expect(takes.tooLate(await recordsOn(server))).toEqual([]);
    expect(await tokensIn('p:{slow}')).toBe(1);
    proxy.heal();
    await eventually(() => takes.late.has('p:{slow}'), 'the reply arrives');
  });
});

const connectThroughProxy = () => {
  const { username, password } = server.options;
  return connect(proxy.url, { ...(username === undefined ? {} : { username, password: password! }) });
};

describe('a call whose reply is lost, so that the client sends it again in time', () => {
  const settings = [
    ['with a deadline', 5000],
    ['without one', undefined],
  ] as const;

  async function takenAfter(timeoutMs: number | undefined, act: (store: Store) => unknown): Promise<number> {
    const store = new RedisStore(connectThroughProxy(), { prefix, timeoutMs });
    for (const cost of [1, 9]) await store.decide([taking('p:{lost}', cost)]);
    await store.refund('p:{lost}', 0);
    proxy.cutMidReply();
    await act(store);
    return tokensIn('p:{lost}');
  }

  it.each(settings)('charges twice, %s: more is never admitted by that', async (_, timeoutMs) => {
    expect(await takenAfter(timeoutMs, (store) => store.decide([taking('p:{lost}', 2)]))).toBe(14);
  });

  it('gives back once, where there is a deadline', async () => {
    expect(await takenAfter(5000, (store) => store.refund('p:{lost}', 2))).toBe(8);
  });

  it('gives back twice, where there is none', async () => {
    expect(await takenAfter(undefined, (store) => store.refund('p:{lost}', 2))).toBe(6);
  });
});

describe('what was given up while the server was frozen', () => {
  const block = { scale: SCALE, missing: 50, mark: undefined, lowers: true, block: SCALE.ticksPerToken };
  const none = { ...block, missing: undefined };

  async function thaw(...calls: ((store: Store) => unknown)[]): Promise<void> {
    const client = connect(server.url);
    const store = new RedisStore(client, { prefix, gate: impatient, timeoutMs: TIMEOUT_MS });
    await store.decide([taking('p:{1}', 10)]);
    await store.report('p:{2}', none);
    await store.writeLimits('p', 'old');
    server.pause();
    const given = await Promise.allSettled(calls.map((call) => call(store)));
    await new Promise((resolve) => setTimeout(resolve, 50));
    server.resume();
    expect(given.map(({ status }) => status)).toEqual(given.map(() => 'rejected'));
    await allIsDone(new RedisStore(client, { prefix }));
  }

  it('does nothing afterwards, where it would do harm', async () => {
    await thaw(
      (store) => store.refund('p:{1}', 5),
      (store) => store.report('p:{1}', block),
      (store) => store.reset('p:{1}'),
      (store) => store.unblock('p:{2}'),
      (store) => store.writeLimits('p', 'new'),
      (store) => store.deleteLimits('p'),
    );
    const found = await recordsOn(server);
    expect(found.get('p:{1}')).toEqual(expect.objectContaining({ level: 10 * SCALE.ticksPerToken }));
    expect(found.get('p:{1}')!.blocked).toBeUndefined();
    expect(found.get('p:{2}')!.blocked).toBeGreaterThan(0);
    expect(await command(server.port, 'HGET', `${prefix}:limits`, 'p')).toBe('old');
  });

  it('is done afterwards, where it is as right then: what is undone, and what is settled', async () => {
    const reserve = { id: 'r', ttlMicros: SCALE.ticksPerToken };
    const [takes] = taking('p:{3}', 10).takes;
    const store = new RedisStore(connect(server.url), { prefix });
    const reserved: Transaction = { takes: [{ ...takes!, reserve }] };
    await store.decide([reserved]);
    const [reply] = await store.decide([{ ...taking('p:{4}', 10), revocable: true }]);
    await thaw(
      (late) => late.settle('p:{3}', { id: 'r', cost: 4, maxDebt: undefined, lowers: true }),
      (late) => late.undo(reply!.changes),
    );
    expect(await tokensIn('p:{3}')).toBe(4);
    expect((await recordsOn(server)).has('p:{4}')).toBe(false);
  });
});

describe('a client of the user', () => {
  it('is left with the listeners that it had', async () => {
    for (const open of [() => connect(server.url), () => connectCluster(masters.nodes)]) {
      const client = open();
      await once(client, 'ready');
      const listeners = () => {
        const nodes = 'nodes' in client ? client.nodes('all') : [];
        return [client, ...nodes].map((one) =>
          ['ready', '+node', '-node'].map((event) => one.listenerCount(event)),
        );
      };
      const before = listeners();
      const store = await storeOn(client as RedisClient);
      expect(listeners()).not.toEqual(before);
      await store.close();
      expect(listeners()).toEqual(before);
    }
  });
});
