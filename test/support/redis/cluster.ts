// A Redis Cluster of masters without replicas, wired by commands. About 2 s, for a master counts its slots as served
// only two seconds after its start.
import { setTimeout as sleep } from 'node:timers/promises';
import { command } from './raw.js';
import { freePort, type RedisServer, startRedis } from './server.js';

const SLOTS = 16_384;
const READY_WITHIN_MS = 20_000;

export interface RedisCluster {
  /** The first holds the lowest slots, and so on. */
  readonly nodes: readonly RedisServer[];
  stop(): Promise<void>;
}

interface Node {
  server: RedisServer;
  busPort: number;
}

export async function startCluster({ masters = 3 } = {}): Promise<RedisCluster> {
  const nodes = await startAll(masters);
  const servers = nodes.map(({ server }) => server);
  const stop = async () => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  try {
    await Promise.all(nodes.map((_, index) => assignSlots(nodes, index)));
    await introduce(nodes);
    await Promise.all(servers.map((server) => untilReady(server, masters)));
  } catch (error) {
    await stop();
    throw error;
  }
  return { nodes: servers, stop };
}

async function startAll(count: number): Promise<Node[]> {
  const started = await Promise.allSettled(Array.from({ length: count }, startNode));
  const failed = started.find((result) => result.status === 'rejected');
  const nodes = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  if (!failed) return nodes;
  await Promise.all(nodes.map(({ server }) => server.stop()));
  throw failed.reason;
}

async function startNode(): Promise<Node> {
  // By default the bus is 10,000 above the port, which is no port at all for half of those the system hands out.
  let busPort = 0;
  const args = async () => {
    busPort = await freePort();
    const bus = ['--cluster-port', String(busPort), '--cluster-announce-ip', '127.0.0.1'];
    return ['--cluster-enabled', 'yes', ...bus];
  };
  const server = await startRedis({ args });
  return { server, busPort };
}

async function assignSlots(nodes: Node[], index: number): Promise<void> {
  const { port } = nodes[index]!.server;
  const first = Math.floor((index * SLOTS) / nodes.length);
  const last = Math.floor(((index + 1) * SLOTS) / nodes.length) - 1;
  // Masters that meet with equal epochs would first have to settle who changes his.
  await command(port, 'CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
  await command(port, 'CLUSTER', 'ADDSLOTSRANGE', String(first), String(last));
}

/** Every pair, rather than one node that tells the others: gossip would take another second. */
async function introduce(nodes: Node[]): Promise<void> {
  const pairs = nodes.flatMap((from, index) => nodes.slice(index + 1).map((to) => [from, to] as const));
  await Promise.all(
    pairs.map(([from, to]) =>
      command(from.server.port, 'CLUSTER', 'MEET', '127.0.0.1', String(to.server.port), String(to.busPort)),
    ),
  );
}

async function untilReady({ port }: RedisServer, masters: number): Promise<void> {
  const expected = ['cluster_state:ok', `cluster_slots_ok:${SLOTS}`, `cluster_size:${masters}`];
  const deadline = performance.now() + READY_WITHIN_MS;
  let info = '';
  while (performance.now() < deadline) {
    info = await command(port, 'CLUSTER', 'INFO');
    const lines = info.split('\r\n');
    if (expected.every((line) => lines.includes(line))) return;
    await sleep(10);
  }
  throw new Error(`The cluster node on port ${port} was not ready within ${READY_WITHIN_MS} ms:\n${info}`);
}
