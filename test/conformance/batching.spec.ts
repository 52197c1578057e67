// Many decisions with one call come to what the same decisions come to one by one.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import slotOf from 'cluster-key-slot';
import { BatchingStore } from '../../lib/stores/batching.store.js';
import { RedisStore } from '../../lib/stores/redis/redis.store.js';
import { takeScript } from '../../lib/stores/redis/scripts/generated.js';
import type { Deadline, Store, Transaction, TransactionReply } from '../../lib/stores/store.interface.js';
import { KernelStore } from '../../lib/testing/kernel.store.js';
import { effort } from '../support/effort.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import { ManualClock } from '../support/manual-clock.js';
import { type Ask, RandomTakes, show } from '../support/oracle/random-takes.js';
import { Random } from '../support/oracle/scenario.js';
import { closeClients, connect } from '../support/redis/clients.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';

const ROUNDS = effort(600, 20_000);
const SEED = Number(process.env.FLOODGATE_SEED ?? 20_260_101);
const TIMEOUT = 60_000 + 20 * ROUNDS;
/** Far ahead of any real clock, so that a real expiry cannot interfere. */
const START = 4_000_000_000_000_000;

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => {
  await closeClients();
  await server.stop();
});

/** What a store says of the buckets, without what it calls them. */
const recordsIn = async (store: Store, keys: readonly string[]) =>
  show((await store.inspect(keys)).map(({ record }) => record));

/** Each ask by itself in the one store, all of a round at once in the other. */
async function compare(
  alone: Store,
  together: Store,
  clock: ManualClock,
  { isMixed, buckets }: { isMixed: boolean; buckets: number },
  seed: number,
) {
  const random = new Random(seed);
  const keys = Array.from({ length: buckets }, (_, i) => `policy:{${i}}`);
  const takes = new RandomTakes(random, keys);
  for (let round = 0; round < ROUNDS; round++) {
    // Now and then it steps back.
    takes.nextRound();
    clock.now += random.chance(0.05) ? -random.below(2_000_000) : random.below(500_000);
    const asks: Ask[] = Array.from({ length: 1 + random.below(24) }, () => takes.next(isMixed));
    const expected: string[] = [];
    for (const ask of asks) expected.push(await ask.act(alone));
    const actual = await Promise.all(asks.map((ask) => ask.act(together)));
    expected.push(await recordsIn(alone, keys));
    actual.push(await recordsIn(together, keys));
    const place = expected.findIndex((told, i) => told !== actual[i]);
    if (place === -1) continue;
    const asked = asks.slice(0, place + 1).map(({ name }) => name);
    return [`seed ${seed}, round ${round}`, ...asked, expected[place], actual[place]].join('\n');
  }
  return undefined;
}

describe.each([
  ['plain takes: one by one, in stacks, counted, peeked, of other scales', { isMixed: false, buckets: 8 }],
  ['these, all in the same few buckets', { isMixed: false, buckets: 3 }],
  ['these among all else that a store does', { isMixed: true, buckets: 8 }],
])('%s', (_, traffic) => {
  it(
    'are decided in a batch as they are one by one',
    async () => {
      const clock = new ManualClock(START);
      const client = connect(server.url);
      let lean = 0;
      const counting = new Proxy(client, {
        get(target, name) {
          if (String(name).startsWith(takeScript.name)) lean++;
          const value: unknown = Reflect.get(target, name);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
      const redis = new RedisStore(counting, { prefix: freshPrefix('batching'), clock: clock.read });
      const difference = await compare(
        new KernelStore(clock.read),
        new BatchingStore(redis),
        clock,
        traffic,
        SEED,
      );
      expect(difference).toBeUndefined();
      expect(lean).toBeGreaterThan(ROUNDS / 10);
    },
    TIMEOUT,
  );
});

/** Decides what is asked together as a master of a Cluster is asked: as if each bucket lay in a slot of its own. */
class StoreOnMaster extends RedisStore {
  override async decide(
    transactions: readonly Transaction[],
    deadline?: Deadline,
  ): Promise<TransactionReply[]> {
    if (transactions.length === 1) return super.decide(transactions, deadline);
    const outcomes = await this.decideOfMaster(
      transactions,
      transactions.map(() => 0),
      deadline,
    );
    return outcomes as TransactionReply[];
  }
}

/** A server as the only master that serves anything but the slot of `{999}`. */
function asMaster(client: ReturnType<typeof connect>, onCall: () => void) {
  const { host, port } = client.options;
  const refusal = Object.assign(new Error('ERR non local key'), { name: 'ReplyError' });
  const node = new Proxy(client, {
    get(target, name) {
      if (name === 'evalsha') onCall();
      const value: unknown = Reflect.get(target, name);
      if (name === 'eval')
        return (...args: Parameters<typeof client.eval>) =>
          target.eval(...args).then(() => Promise.reject(refusal));
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const slots = Array.from({ length: 16_384 }, () => [`${host}:${port}`]);
  slots[slotOf('999')] = ['elsewhere:1'];
  return Object.assign(client, { isCluster: true, slots, nodes: () => [node] });
}

it.each([
  ['many', 8],
  ['a few', 3],
])(
  'as those of %s buckets are that one master serves in several slots',
  async (_, buckets) => {
    const clock = new ManualClock(START);
    let together = 0;
    const client = asMaster(connect(server.url), () => together++);
    const store = new StoreOnMaster(client, { prefix: freshPrefix('batching'), clock: clock.read });
    const alone = new KernelStore(clock.read);
    const traffic = { isMixed: false, buckets };
    expect(await compare(alone, new BatchingStore(store), clock, traffic, SEED + 1)).toBeUndefined();
    expect(together).toBeGreaterThan(ROUNDS / 10);
  },
  TIMEOUT,
);
