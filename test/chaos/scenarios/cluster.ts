// Three masters, each with a replica: slots move under load, and masters are killed.
import { setTimeout as sleep } from 'node:timers/promises';
import { type RedisCluster, startCluster } from '../../support/redis/cluster.js';
import { command } from '../../support/redis/raw.js';
import { reshard } from '../../support/redis/reshard.js';
import type { RedisServer } from '../../support/redis/server.js';
import { untilTrue } from '../../support/redis/together.js';
import { bucketsOf, readLevels, slotOf } from '../buckets.js';
import { Run } from '../run.js';
import { cutOffReplicas, stopWrites } from './replication.js';
import type { Scenario } from './scenario.js';

/** Two in each third of the slots. */
const KEYS = ['bar', 'hello', 'e', 'foo', 'a', 'b'];
const WITHIN_MS = 20_000;

type Test = (run: Run, cluster: RedisCluster, times: number) => Promise<void>;

const scenario = (name: string, test: Test): Scenario => ({
  name,
  inShort: false,
  async run({ seed, times }) {
    const cluster = await startCluster({ masters: 3, replicas: 1, nodeTimeoutMs: 1000 });
    const nodes = cluster.nodes.map(({ host, port }) => ({ host, port }));
    const portOf = async (key: string) => (await ownerOf(cluster, key)).port;
    const run = await Run.start({
      ...{ seed, portOf, keys: KEYS },
      redis: (taker) => ({ kind: 'cluster', major: taker % 2 === 1 ? 5 : 6, nodes }),
    });
    try {
      await test(run, cluster, times);
      return await run.finish();
    } catch (error) {
      await run.abandon();
      throw error;
    } finally {
      await cluster.stop();
    }
  },
});

export const resharding = scenario('resharding', async (run, cluster, times) => {
  for (let i = 0; i < times; i++) {
    await run.fault('slots move', async () => {
      for (const key of KEYS) await moveOn(cluster, key);
    });
  }
});

/** The slot of a key goes to the next master. */
async function moveOn(cluster: RedisCluster, key: string): Promise<void> {
  const slot = await slotOf(cluster.nodes[0]!.port, key);
  const masters = await mastersOf(cluster);
  const from = await cluster.ownerOf(slot);
  const to = masters[(masters.indexOf(from) + 1) % masters.length]!;
  await reshard({
    slots: [slot],
    from,
    to,
    others: masters.filter((one) => one !== from && one !== to),
    lingerMs: 100,
  });
}

export const clusterFailover = scenario('cluster', async (run, cluster, times) => {
  for (let i = 0; i < times; i++) {
    const master = await ownerOf(cluster, KEYS[i % KEYS.length]!);
    const keys = await keysOf(cluster, master);
    await run.fault('master killed', () => failover(run, cluster, master, keys, i % 2 === 1), {
      keys,
      mayRepeat: true,
    });
    await master.start();
    await untilTrue('the old master had followed', WITHIN_MS, async () =>
      (await command(master.port, 'INFO', 'replication')).includes('master_link_status:up'),
    );
  }
});

async function failover(
  run: Run,
  cluster: RedisCluster,
  master: RedisServer,
  keys: readonly string[],
  fallsBehind: boolean,
): Promise<void> {
  const replica = await replicaOf(cluster, master);
  const buckets = bucketsOf(keys);
  if (fallsBehind) await cutOffReplicas(master);
  await stopWrites(master);
  const had = await readLevels(master.port, run.prefix, buckets);
  await master.kill();
  await sleep(50);
  const kept = await readLevels(replica.port, run.prefix, buckets, had.at);
  run.noteLosses(had.levels, kept.levels);
  const slot = await slotOf(replica.port, keys[0]!);
  await untilTrue(
    'the replica had taken over',
    WITHIN_MS,
    async () => (await cluster.ownerOf(slot)) === replica,
  );
  await untilTrue('the others knew', WITHIN_MS, async () =>
    (await command(replica.port, 'CLUSTER', 'INFO')).includes('cluster_state:ok'),
  );
}

async function ownerOf(cluster: RedisCluster, key: string): Promise<RedisServer> {
  const alive = cluster.nodes.find((node) => node.isRunning)!;
  return cluster.ownerOf(await slotOf(alive.port, key));
}

async function keysOf(cluster: RedisCluster, master: RedisServer): Promise<string[]> {
  const owners = await Promise.all(KEYS.map((key) => ownerOf(cluster, key)));
  return KEYS.filter((_, i) => owners[i] === master);
}

const isRole = async ({ port }: RedisServer, text: string): Promise<boolean> =>
  (await command(port, 'INFO', 'replication')).includes(text);

async function mastersOf({ nodes }: RedisCluster): Promise<RedisServer[]> {
  const are = await Promise.all(nodes.map((node) => isRole(node, 'role:master')));
  return nodes.filter((_, i) => are[i]);
}

async function replicaOf({ nodes }: RedisCluster, master: RedisServer): Promise<RedisServer> {
  for (const node of nodes) {
    if (node !== master && (await isRole(node, `master_port:${master.port}\r\n`))) return node;
  }
  throw new Error(`Nobody follows the master on port ${master.port}.`);
}
