import { createConnection, type NetConnectOpts, type Socket } from 'node:net';
import type { StoreHealth } from './store-health.js';

/** What is used of an ioredis client (`Redis`, of either major) that may have lost its connection. */
interface Connection {
  readonly isCluster?: boolean;
  readonly status?: string;
  readonly stream?: Socket | undefined;
  readonly options?: {
    readonly keyPrefix?: string | undefined;
    readonly host?: string;
    readonly port?: number;
    readonly path?: string | null;
    readonly sentinels?: readonly unknown[] | null;
    readonly tls?: unknown;
  };
  connect?(): Promise<void>;
  /** When it tries again. The client forgets it where it is connected in another way, and would come back after its end. */
  reconnectTimeout?: NodeJS.Timeout | null;
}

/** How often it is looked whether the server is there again. */
const LOOK_MS = 250;

/** Where it cannot be looked first, clients are not to use up their retries: these are no more than those of ioredis 5. */
const BLIND_MS = 500;

/** A new connection that was answered so often in a row, while ours carried nothing, says that ours is dead. */
const DEAD_AFTER = 2;

const PING = '*1\r\n$4\r\nPING\r\n';

/**
 * Brings the connection of a client back as soon as the server is there, while nothing is decided in it. Left alone, clients try
 * again after seconds (up to 5 with the defaults of ioredis 6), and never learn of a connection that carries nothing any more
 * though both ends believe in it. A connection of our own looks first whether there is an answer, so the client tries no
 * oftener than it succeeds, and a server that is frozen costs it nothing. Answers what ends that.
 */
export function reconnectSooner(
  client: Connection,
  health: StoreHealth,
  options: ReconnectOptions,
): () => void {
  if (client.isCluster === true || client.connect === undefined) return () => undefined;
  const looks = new Looks(client, options);
  const stopListening = health.onChange(({ state }) => (state === 'open' ? looks.begin() : looks.end()));
  return () => {
    stopListening();
    looks.end();
  };
}

export interface ReconnectOptions {
  /** How long a look may take. */
  readonly timeoutMs: number;
  /** Whether nobody else uses the client: one that waits in a blocking command would look as dead. */
  readonly isOurs: boolean;
}

class Looks {
  private timer: NodeJS.Timeout | undefined;
  private isLooking = false;
  private answers = 0;
  private connectedAt = 0;
  private stream: Socket | undefined;
  private bytesRead = 0;

  constructor(
    private readonly client: Connection,
    private readonly options: ReconnectOptions,
  ) {}

  begin(): void {
    this.end();
    this.hasCarried();
    this.timer = setInterval(() => void this.look(), LOOK_MS).unref();
  }

  end(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.answers = 0;
  }

  private async look(): Promise<void> {
    if (this.isLooking) return;
    this.isLooking = true;
    const wasLost = this.client.status === 'reconnecting';
    const { isOurs, timeoutMs } = this.options;
    const target = wasLost ? configured(this.client) : isOurs ? peerOf(this.client) : undefined;
    const isThere = target !== undefined && (await answers(target, timeoutMs));
    this.isLooking = false;
    if (this.timer === undefined) return;
    if (wasLost) this.connect(isThere);
    else this.answered(isThere);
  }

  private connect(isThere: boolean): void {
    const { client } = this;
    if (!isThere || client.status !== 'reconnecting') return;
    const isBlind = configured(client) === 'unknown';
    if (isBlind && performance.now() - this.connectedAt < BLIND_MS) return;
    this.connectedAt = performance.now();
    if (client.reconnectTimeout) clearTimeout(client.reconnectTimeout);
    client.reconnectTimeout = null;
    client.connect?.().catch(() => undefined);
  }

  private answered(isThere: boolean): void {
    this.answers = isThere && !this.hasCarried() ? this.answers + 1 : 0;
    if (this.answers < DEAD_AFTER) return;
    this.answers = 0;
    this.client.stream?.destroy();
  }

  /**
   * Whether anything has come since it was looked last. Probes see to that while the connection lives: also a server that is
   * full, or forbids, says so. Others may be using the connection.
   */
  private hasCarried(): boolean {
    const { stream, bytesRead } = this;
    this.stream = this.client.stream;
    this.bytesRead = this.stream?.bytesRead ?? 0;
    return stream !== this.stream || bytesRead !== this.bytesRead;
  }
}

/** Where a client would connect to. Who is the master of a group of sentinels, only they know, and they are asked by the client. */
function configured({ options = {} }: Connection): Target | undefined {
  const { host = 'localhost', port = 6379, path, sentinels, tls } = options;
  if (sentinels && sentinels.length > 0) return 'unknown';
  const isPlain = tls === undefined || tls === null;
  return { to: path ? { path } : { host, port }, isPlain };
}

/** Whom a client is connected to. Behind TLS nothing is asked: a connection proves nothing, for a frozen server accepts it too. */
function peerOf({ stream, options = {} }: Connection): Target | undefined {
  if (options.tls || stream === undefined) return undefined;
  const { remoteAddress: host, remotePort: port } = stream;
  if (options.path) return { to: { path: options.path }, isPlain: true };
  return host === undefined || port === undefined ? undefined : { to: { host, port }, isPlain: true };
}

type Target = 'unknown' | { readonly to: NetConnectOpts; readonly isPlain: boolean };

/** Whether anything is answered, if only that there is a password; behind TLS, whether anybody listens. */
function answers(target: Target, timeoutMs: number): Promise<boolean> {
  if (target === 'unknown') return Promise.resolve(true);
  return new Promise((resolve) => {
    const socket = createConnection(target.to);
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(timeoutMs, () => settle(false));
    socket.on('error', () => settle(false));
    socket.on('close', () => settle(false));
    socket.on('data', () => settle(true));
    socket.on('connect', () => (target.isPlain ? socket.write(PING) : settle(true)));
  });
}
