// A private Redis server on a free port of 127.0.0.1, for one suite.
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../eventually.js';
import { documentedUser, type RedisUser, refusedTo } from './documented-user.js';
import { GuardedProcess } from './guarded-process.js';
import { ask } from './raw.js';

const READY_WITHIN_MS = 10_000;
const ATTEMPTS = 10;

export interface RedisServerOptions {
  /** More arguments for the server; a function is asked again for every port that is tried. */
  args?: string[] | (() => Promise<string[]>);
  /** Sets `requirepass`, and is part of `adminUrl`. */
  password?: string;
  /** Whom `url` names; by default nobody, and with `FLOODGATE_ACL` the user of docs/redis.md. */
  user?: RedisUser | undefined;
  /** Where the port comes from; only the harness's own tests replace it. */
  choosePort?: () => Promise<number>;
}

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
}

/** Starts a server and resolves when it answers; rejects with its log when it does not. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const choosePort = options.choosePort ?? freePort;
  for (let attempt = 1; ; attempt++) {
    const server = await RedisServer.prepare(await choosePort(), options);
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.stop();
      // Between our look and the server's bind, someone else may have taken the port.
      if (!(error instanceof PortTakenError) || attempt === ATTEMPTS) throw error;
    }
  }
}

/** A port that nobody listened on a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

class PortTakenError extends Error {}

export class RedisServer {
  readonly host = '127.0.0.1';
  /** For the library: as the user that docs/redis.md asks for, where the run is of least privilege. */
  readonly url: string;
  /** For what a test itself does on the server: as the default user, who may do everything. */
  readonly adminUrl: string;
  private process?: GuardedProcess;

  private constructor(
    readonly port: number,
    private readonly password: string | undefined,
    readonly user: RedisUser | undefined,
    private readonly folder: string,
    private readonly args: string[],
  ) {
    this.adminUrl = `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}${this.host}:${port}`;
    this.url = user ? `redis://${user.name}:${user.password}@${this.host}:${port}` : this.adminUrl;
  }

  /** A server that is yet to start; only `startRedis` calls this. */
  static async prepare(port: number, options: RedisServerOptions): Promise<RedisServer> {
    const { args = [], password, user = documentedUser() } = options;
    const more = typeof args === 'function' ? await args() : args;
    const folder = await mkdtemp(join(tmpdir(), 'floodgate-redis-'));
    const own = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
    const plain = ['--save', '', '--appendonly', 'no', '--daemonize', 'no'];
    const auth = password === undefined ? [] : ['--requirepass', password];
    // As an argument, so that a server that was killed comes back with it.
    const acl = user ? ['--user', user.name, ...user.rules] : [];
    return new RedisServer(port, password, user, folder, [...own, ...plain, ...auth, ...acl, ...more]);
  }

  /** What `url` says, as options of ioredis. */
  get options(): RedisAddress {
    const login = this.user && { username: this.user.name, password: this.user.password };
    return { host: this.host, port: this.port, ...login };
  }

  /** The pid of the server itself: it changes with a restart. */
  get pid(): number {
    return this.running.pid;
  }

  get isRunning(): boolean {
    return this.process?.hasExited === false;
  }

  /** What the server has written so far. */
  log(): string {
    return this.running.log();
  }

  /** Freezes the server: connections stay open, nothing is answered. */
  pause(): void {
    this.running.signal('SIGSTOP');
  }

  resume(): void {
    this.running.signal('SIGCONT');
  }

  /** A crash: the process is gone when this resolves; `start` brings it back, empty, on the same port. */
  async kill(): Promise<void> {
    await this.running.kill();
  }

  /** After `kill`, perhaps with more arguments than before; resolves when the server answers. */
  async start(more: readonly string[] = []): Promise<void> {
    if (this.process && !this.process.hasExited)
      throw new Error(`The server on port ${this.port} is running.`);
    this.process = await launch([...this.args, ...more], this.folder);
    await this.untilReady();
  }

  /** What the server has refused to its user, as `command get`. */
  async refused(): Promise<string[]> {
    return this.user ? refusedTo(this.user, this.port, this.password) : [];
  }

  /**
   * Resolves when nobody is connected any more. For clients that tell nobody when they have gone, as those of NestJS 10
   * do: a server that is stopped before it has answered their `QUIT` makes them fail.
   */
  async untilLeft(): Promise<void> {
    const auth = this.password === undefined ? [] : [['AUTH', this.password]];
    const connected = async () => {
      const replies = await ask(this.port, [...auth, ['INFO', 'clients']]);
      return Number(/connected_clients:(\d+)/.exec(String(replies.at(-1)))?.[1]);
    };
    await eventually(async () => (await connected()) === 1, 'nobody but who asks is connected');
  }

  /** Ends the server and removes its folder; may be called twice, and after `kill`. */
  async stop(): Promise<void> {
    const isRunning = this.process?.hasExited === false;
    // Nobody asks a server that is paused.
    const refused = this.user?.refusalsFail && isRunning ? await this.refused().catch(() => []) : [];
    // Nothing is to be saved, so SIGKILL loses nothing, and it does not wait for replicas or a paused process.
    await this.process?.kill();
    await rm(this.folder, { recursive: true, force: true });
    if (refused.length > 0) throw new Error(`Not granted by docs/redis.md: ${refused.join(', ')}`);
  }

  private get running(): GuardedProcess {
    if (!this.process) throw new Error('The server was never started.');
    return this.process;
  }

  private async untilReady(): Promise<void> {
    const deadline = performance.now() + READY_WITHIN_MS;
    let problem = '';
    while (performance.now() < deadline) {
      if (this.running.hasExited) throw this.startError('ended');
      problem = await this.whyNotReady();
      if (problem === '') return;
      await sleep(5);
    }
    await this.running.kill();
    throw this.startError(`did not answer within ${READY_WITHIN_MS} ms (${problem})`);
  }

  /** Empty when the process that answers on the port is the one that was started. */
  private async whyNotReady(): Promise<string> {
    const auth = this.password === undefined ? [] : [['AUTH', this.password]];
    try {
      const replies = await ask(this.port, [...auth, ['PING'], ['INFO', 'server']]);
      const error = replies.find((reply) => reply instanceof Error);
      if (error) return error.message;
      const pid = Number(/process_id:(\d+)/.exec(String(replies.at(-1)))?.[1]);
      if (pid === this.running.pid) return '';
      return `process ${pid} answered instead of ${this.running.pid}; a wrapper script must exec the server`;
    } catch (error) {
      return (error as Error).message;
    }
  }

  private startError(what: string): Error {
    const log = this.log();
    const message = `The Redis server on port ${this.port} ${what}. Its log:\n${log}`;
    return /Address already in use/i.test(log) ? new PortTakenError(message) : new Error(message);
  }
}

async function launch(args: string[], folder: string): Promise<GuardedProcess> {
  const program = process.env.REDIS_SERVER_BIN || 'redis-server';
  try {
    return await GuardedProcess.start(program, args, folder);
  } catch (error) {
    const message = `Cannot start '${program}'. Run the tests with 'npm test': it finds or installs a server.`;
    throw new Error(message, { cause: error });
  }
}
