// A Redis Cluster, wired by commands. About 2 s, for a master counts its slots as served only two seconds after its start.
import { documentedUser, type RedisUser } from './documented-user.js';
import { command, list } from './raw.js';
import { freePort, type RedisServer, startRedis } from './server.js';
import { startTogether, stopAll, untilTrue } from './together.js';

const SLOTS = 16_384;
const READY_WITHIN_MS = 20_000;

export interface RedisClusterOptions {
  masters?: number;
  /** Of each master: one of them takes its place when it dies. */
  replicas?: number;
  /** How long a node may be silent before the others count it as dead. */
  nodeTimeoutMs?: number;
  /** As whom clients of the library connect; the default is that of `startRedis`. */
  user?: RedisUser | undefined;
}

export interface RedisCluster {
  /** The masters, the first with the lowest slots, and so on; then their replicas, in the same order. */
  readonly nodes: readonly RedisServer[];
  /** Which node serves a slot, as the nodes that live have it. */
  ownerOf(slot: number): Promise<RedisServer>;
  stop(): Promise<void>;
}

/** A node with the port on which it talks to the others. */
class Node {
  private constructor(
    readonly server: RedisServer,
    readonly busPort: number,
  ) {}

  get port(): number {
    return this.server.port;
  }

  static async start(nodeTimeoutMs: number, user: RedisUser | undefined): Promise<Node> {
    // By default the bus is 10,000 above the port, which is no port at all for half of those the system hands out.
    let busPort = 0;
    const args = async () => {
      busPort = await freePort();
      const bus = ['--cluster-port', String(busPort), '--cluster-announce-ip', '127.0.0.1'];
      const timing = ['--cluster-node-timeout', String(nodeTimeoutMs), '--repl-diskless-sync-delay', '0'];
      return ['--cluster-enabled', 'yes', ...bus, ...timing];
    };
    const server = await startRedis({ args, user });
    return new Node(server, busPort);
  }

  stop(): Promise<void> {
    return this.server.stop();
  }
}

export async function startCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  const { masters = 3, replicas = 0, nodeTimeoutMs = 15_000 } = options;
  const { user = documentedUser({ cluster: true }) } = options;
  const nodes = await startTogether(masters * (1 + replicas), () => Node.start(nodeTimeoutMs, user));
  const servers = nodes.map(({ server }) => server);
  const leading = nodes.slice(0, masters);
  try {
    await Promise.all(leading.map((_, index) => assignSlots(leading, index)));
    await introduce(nodes);
    await Promise.all(nodes.map((node) => untilReady(node, masters, nodes.length)));
    await Promise.all(nodes.slice(masters).map((node, i) => follow(node, leading[i % masters]!)));
  } catch (error) {
    await stopAll(servers);
    throw error;
  }
  return {
    nodes: servers,
    ownerOf: (slot) => ownerOf(servers, slot),
    stop: () => stopAll(servers),
  };
}

async function assignSlots(nodes: readonly Node[], index: number): Promise<void> {
  const { port } = nodes[index]!;
  const first = Math.floor((index * SLOTS) / nodes.length);
  const last = Math.floor(((index + 1) * SLOTS) / nodes.length) - 1;
  // Masters that meet with equal epochs would first have to settle who changes his.
  await command(port, 'CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
  await command(port, 'CLUSTER', 'ADDSLOTSRANGE', String(first), String(last));
}

/** Every pair, rather than one node that tells the others: gossip would take another second. */
async function introduce(nodes: readonly Node[]): Promise<void> {
  const pairs = nodes.flatMap((from, index) => nodes.slice(index + 1).map((to) => [from, to] as const));
  await Promise.all(
    pairs.map(([from, to]) =>
      command(from.port, 'CLUSTER', 'MEET', '127.0.0.1', String(to.port), String(to.busPort)),
    ),
  );
}

async function untilReady({ port }: Node, masters: number, nodes: number): Promise<void> {
  const expected = ['cluster_state:ok', `cluster_slots_ok:${SLOTS}`, `cluster_size:${masters}`];
  await untilTrue(`the cluster node on port ${port} was ready`, READY_WITHIN_MS, async () => {
    const lines = (await command(port, 'CLUSTER', 'INFO')).split('\r\n');
    return [...expected, `cluster_known_nodes:${nodes}`].every((line) => lines.includes(line));
  });
}

async function follow(replica: Node, master: Node): Promise<void> {
  await command(replica.port, 'CLUSTER', 'REPLICATE', await command(master.port, 'CLUSTER', 'MYID'));
  await untilTrue(`the replica on port ${replica.port} had its data`, READY_WITHIN_MS, async () =>
    (await command(replica.port, 'INFO', 'replication')).includes('master_link_status:up'),
  );
}

/** Only what nodes say of themselves: of others they know it later. */
async function ownerOf(servers: readonly RedisServer[], slot: number): Promise<RedisServer> {
  for (const server of servers) {
    const lines = await list(server.port, 'CLUSTER', 'NODES').catch(() => []);
    const own = lines.join('\n').match(/^.*\bmyself,master\b.*$/m)?.[0] ?? '';
    const ranges = own.split(' ').slice(8);
    const serves = ranges.some((range) => {
      const [first, last = first] = range.split('-').map(Number);
      return slot >= first! && slot <= last!;
    });
    if (serves) return server;
  }
  throw new Error(`No node serves slot ${slot}.`);
}
