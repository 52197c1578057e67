// A TCP proxy in front of a server, which makes the network between as bad as a test wants it.
import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net';

export type Direction = 'request' | 'reply';

/** What the network is like at present. */
interface Weather {
  latencyMs: number;
  readonly held: Set<Direction>;
  /** How many bytes of the next reply still pass before all is cut. */
  cutAfter: number | undefined;
}

export class TcpProxy {
  readonly host = '127.0.0.1';
  private readonly weather: Weather = { latencyMs: 0, held: new Set(), cutAfter: undefined };
  private readonly links = new Set<Link>();
  private refuses = false;

  private constructor(
    private readonly listener: Server,
    private readonly target: { readonly host: string; readonly port: number },
  ) {}

  static async start(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
    const listener = createServer();
    const proxy = new TcpProxy(listener, { host: target.host, port: target.port });
    listener.on('connection', (client) => proxy.accept(client));
    listener.listen(0, proxy.host);
    await once(listener, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.listener.address() as AddressInfo).port;
  }

  get url(): string {
    return `redis://${this.host}:${this.port}`;
  }

  /** What passes from now on arrives so much later, in each direction. */
  slow(milliseconds: number): void {
    this.weather.latencyMs = milliseconds;
  }

  /** Keeps what is sent; connections stay open. `heal` delivers it, as a network does that was away for a while. */
  hold(...directions: Direction[]): void {
    for (const direction of directions) this.weather.held.add(direction);
  }

  /** The connections that there are stay open and carry nothing any more, not even after `heal`; new ones do. */
  abandon(): void {
    for (const link of this.links) link.abandon();
  }

  /** Lets some bytes of the next reply pass, and cuts every connection then. */
  cutMidReply(afterBytes = 1): void {
    this.weather.cutAfter = afterBytes;
  }

  /** Cuts all connections, and lets nobody in. */
  refuse(): void {
    this.refuses = true;
    this.cut();
  }

  /** A network without faults again. Connections that were abandoned stay so. */
  heal(): void {
    this.refuses = false;
    Object.assign(this.weather, { latencyMs: 0, cutAfter: undefined });
    this.weather.held.clear();
    for (const link of this.links) link.flush();
  }

  async stop(): Promise<void> {
    this.cut();
    this.listener.close();
    await once(this.listener, 'close');
  }

  private accept(client: Socket): void {
    if (this.refuses) return void client.resetAndDestroy();
    const link = new Link(client, createConnection(this.target), this.weather, {
      onClose: () => this.links.delete(link),
      onCut: () => this.cut(),
    });
    this.links.add(link);
  }

  private cut(): void {
    for (const link of this.links) link.destroy();
    this.links.clear();
  }
}

interface LinkEvents {
  onClose(): void;
  onCut(): void;
}

/** A connection of a client and the one to the server that belongs to it. */
class Link {
  private readonly pipes: readonly Pipe[];
  private isDead = false;

  constructor(
    private readonly client: Socket,
    private readonly server: Socket,
    weather: Weather,
    { onClose, onCut }: LinkEvents,
  ) {
    this.pipes = [new Pipe('request', server, weather, onCut), new Pipe('reply', client, weather, onCut)];
    for (const [socket, pipe] of [
      [client, this.pipes[0]!],
      [server, this.pipes[1]!],
    ] as const) {
      socket.setNoDelay(true);
      socket.on('data', (chunk) => !this.isDead && pipe.push(chunk));
      socket.on('error', () => undefined);
      // Of a connection that carries nothing the other end is not told either.
      socket.on('close', () => {
        if (this.isDead) return;
        onClose();
        this.destroy();
      });
    }
  }

  abandon(): void {
    this.isDead = true;
    for (const pipe of this.pipes) pipe.stop();
  }

  flush(): void {
    for (const pipe of this.pipes) pipe.flush();
  }

  destroy(): void {
    for (const pipe of this.pipes) pipe.stop();
    this.client.destroy();
    this.server.destroy();
  }
}

/** One direction: nothing overtakes, however the latency changes. */
class Pipe {
  private readonly queue: { chunk: Buffer; due: number }[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly direction: Direction,
    private readonly to: Socket,
    private readonly weather: Weather,
    private readonly onCut: () => void,
  ) {}

  push(chunk: Buffer): void {
    this.queue.push({ chunk, due: performance.now() + this.weather.latencyMs });
    this.flush();
  }

  /** Delivers what is due; comes back for the rest. */
  flush(): void {
    clearTimeout(this.timer);
    while (!this.weather.held.has(this.direction)) {
      const next = this.queue[0];
      if (next === undefined) return;
      const early = next.due - performance.now();
      if (early > 0) {
        this.timer = setTimeout(() => this.flush(), early);
        return;
      }
      this.queue.shift();
      this.deliver(next.chunk);
    }
  }

  stop(): void {
    clearTimeout(this.timer);
    this.queue.length = 0;
  }

  private deliver(chunk: Buffer): void {
    const { cutAfter } = this.weather;
    if (cutAfter === undefined || this.direction === 'request') {
      if (this.to.writable) this.to.write(chunk);
      return;
    }
    this.weather.cutAfter = undefined;
    // What was written before a socket is destroyed may be lost: the cut waits until it is sent.
    this.to.write(chunk.subarray(0, cutAfter), () => this.onCut());
  }
}
