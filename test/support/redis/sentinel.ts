// A master with replicas, and sentinels that replace it when it dies.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GuardedProcess } from './guarded-process.js';
import { command, list } from './raw.js';
import { freePort, type RedisServer, startRedis } from './server.js';
import { startTogether, stopAll, untilTrue } from './together.js';

const NAME = 'limits';
const READY_WITHIN_MS = 20_000;

export interface SentinelOptions {
  replicas?: number;
  sentinels?: number;
  /**
   * How long the master may be silent before it is replaced. A sentinel asks it for the first time after a second, or after this
   * where it is shorter: then a slow machine makes it take a master for dead that has just become one.
   */
  downAfterMs?: number;
}

export async function startSentinelGroup(options: SentinelOptions = {}): Promise<SentinelGroup> {
  const { replicas = 2, sentinels = 3, downAfterMs = 2000 } = options;
  const master = await startRedis();
  const servers: RedisServer[] = [master];
  const watchers: Sentinel[] = [];
  const group = new SentinelGroup(servers, watchers);
  try {
    const args = ['--replicaof', '127.0.0.1', String(master.port), '--repl-diskless-sync-delay', '0'];
    servers.push(...(await startTogether(replicas, () => startRedis({ args }))));
    watchers.push(...(await startTogether(sentinels, () => Sentinel.start(master.port, downAfterMs))));
    await group.untilWhole();
  } catch (error) {
    await group.stop();
    throw error;
  }
  return group;
}

export class SentinelGroup {
  readonly name = NAME;

  constructor(
    /** The master and the replicas, whoever is which at present. */
    readonly servers: readonly RedisServer[],
    private readonly watchers: readonly Sentinel[],
  ) {}

  /** Where the sentinels are, as a client wants it. */
  get sentinels(): { host: string; port: number }[] {
    return this.watchers.map(({ port }) => ({ host: '127.0.0.1', port }));
  }

  /** Who the sentinels say is the master. */
  async master(): Promise<RedisServer> {
    const answers = await Promise.all(this.watchers.map(({ port }) => masterOf(port)));
    const server = this.servers.find(({ port }) => answers.every((answer) => answer === port));
    if (!server) throw new Error(`The sentinels do not agree: ${answers.join(', ')}\n${this.log()}`);
    return server;
  }

  /** How often a master was replaced: also by sentinels that a slow machine has misled. */
  failovers(): number {
    return Math.max(...this.watchers.map((watcher) => watcher.switches()));
  }

  /** What the sentinels have seen and done. */
  log(): string {
    return this.watchers.map((watcher) => watcher.events()).join('\n\n');
  }

  async replicas(): Promise<RedisServer[]> {
    const master = await this.master();
    return this.servers.filter((server) => server !== master);
  }

  /** Kills the master; resolves when all sentinels have another and that takes writes. `revive` brings the old one back. */
  async failover(): Promise<{ from: RedisServer; to: RedisServer; tookMs: number }> {
    const from = await this.master();
    const start = performance.now();
    await from.kill();
    await untilTrue('a replica was promoted', READY_WITHIN_MS, async () => {
      const answers = await Promise.all(this.watchers.map(({ port }) => masterOf(port)));
      return new Set(answers).size === 1 && answers[0] !== from.port && (await isMaster(answers[0]!));
    });
    return { from, to: await this.master(), tookMs: performance.now() - start };
  }

  /** Starts a server that was killed, as a replica of the master; resolves when the group is whole again. */
  async revive(server: RedisServer): Promise<void> {
    const master = await this.master();
    await server.start(['--replicaof', '127.0.0.1', String(master.port)]);
    await this.untilWhole();
  }

  /** Until every replica follows the master, and every sentinel knows all of them and all of its own kind. */
  async untilWhole(): Promise<void> {
    await untilTrue('the group was whole', READY_WITHIN_MS, async () => {
      const master = await this.master();
      const info = await command(master.port, 'INFO', 'replication');
      const online = info.match(/^slave\d+:.*state=online/gm)?.length ?? 0;
      if (online !== this.servers.length - 1) return false;
      const views = await Promise.all(this.watchers.map((watcher) => watcher.view()));
      return views.every(
        ({ replicas, others }) => replicas === this.servers.length - 1 && others === this.watchers.length - 1,
      );
    });
  }

  async stop(): Promise<void> {
    await stopAll([...this.watchers, ...this.servers]);
  }
}

const isMaster = async (port: number): Promise<boolean> =>
  (await command(port, 'INFO', 'replication')).includes('role:master');

const masterOf = async (sentinel: number): Promise<number> =>
  Number((await list(sentinel, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME))[1]);

/** A sentinel needs a file, which it rewrites, before all other arguments. */
class Sentinel {
  private constructor(
    readonly port: number,
    private readonly folder: string,
    private readonly process: GuardedProcess,
  ) {}

  static async start(master: number, downAfterMs: number): Promise<Sentinel> {
    const [folder, port] = [await mkdtemp(join(tmpdir(), 'floodgate-sentinel-')), await freePort()];
    const file = join(folder, 'sentinel.conf');
    await writeFile(file, configuration(port, folder, master, downAfterMs));
    const program = process.env.REDIS_SERVER_BIN || 'redis-server';
    const started = await GuardedProcess.start(program, [file, '--sentinel'], folder);
    const sentinel = new Sentinel(port, folder, started);
    try {
      await untilTrue('a sentinel answered', READY_WITHIN_MS, async () => {
        if (started.hasExited) throw new Error(`A sentinel has ended. Its log:\n${started.log()}`);
        return (await masterOf(port)) === master;
      });
    } catch (error) {
      await sentinel.stop();
      throw error;
    }
    return sentinel;
  }

  /** How many it knows: replicas that are up, and other sentinels. */
  async view(): Promise<{ replicas: number; others: number }> {
    const words = await list(this.port, 'SENTINEL', 'MASTER', NAME);
    const numberOf = (field: string) => Number(words[words.indexOf(field) + 1]);
    return { replicas: numberOf('num-slaves'), others: numberOf('num-other-sentinels') };
  }

  events(): string {
    return (
      this.process
        .log()
        .match(/^.* [+-][a-z-]+ .*$/gm)
        ?.join('\n') ?? ''
    );
  }

  /** How often it has taken another for the master. Epochs count attempts too. */
  switches(): number {
    return this.process.log().match(/\+switch-master/g)?.length ?? 0;
  }

  async stop(): Promise<void> {
    await this.process.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}

function configuration(port: number, folder: string, master: number, downAfterMs: number): string {
  return [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${folder}`,
    `sentinel monitor ${NAME} 127.0.0.1 ${master} 2`,
    `sentinel down-after-milliseconds ${NAME} ${downAfterMs}`,
    `sentinel failover-timeout ${NAME} 5000`,
    '',
  ].join('\n');
}
