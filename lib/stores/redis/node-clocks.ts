import type { RedisClient } from './redis-client.js';
import { ServerClock } from './server-clock.js';

/** What clients, and the connections of a Cluster, tell of themselves. Too many forms of `on` for a structural type. */
interface Emitter {
  on?(event: string, listener: (of: Emitter) => void): unknown;
  off?(event: string, listener: (of: Emitter) => void): unknown;
  readonly options?: { readonly host?: string | undefined; readonly port?: number | undefined };
}

/** The clocks of the servers behind a client. What is known of one is forgotten when a connection to it is made anew. */
export class NodeClocks {
  private readonly clocks = new Map<string, ServerClock>();
  /** By the nodes that are listened to: how that ends. */
  private readonly listening = new Map<Emitter, () => void>();
  private isWatching = false;

  private readonly emitter: Emitter;

  constructor(private readonly client: RedisClient) {
    this.emitter = client as Emitter;
  }

  of(node: string): ServerClock {
    const known = this.clocks.get(node);
    if (known !== undefined) return known;
    const clock = new ServerClock();
    this.clocks.set(node, clock);
    return clock;
  }

  /** Begins to listen, once. Behind a new connection may be another server, or the same with another time. */
  watch(): void {
    if (this.isWatching) return;
    this.isWatching = true;
    if (!this.client.isCluster) {
      this.listen(this.emitter, '');
      return;
    }
    for (const node of this.client.nodes?.('all') ?? []) this.add(node as Emitter);
    this.emitter.on?.('+node', this.add);
    this.emitter.on?.('-node', this.remove);
  }

  close(): void {
    for (const end of this.listening.values()) end();
    this.listening.clear();
    this.emitter.off?.('+node', this.add);
    this.emitter.off?.('-node', this.remove);
  }

  private readonly add = (node: Emitter): void => {
    const name = nameOf(node);
    this.clocks.delete(name);
    if (!this.listening.has(node)) this.listen(node, name);
  };

  private readonly remove = (node: Emitter): void => {
    this.listening.get(node)?.();
    this.listening.delete(node);
    this.clocks.delete(nameOf(node));
  };

  private listen(node: Emitter, name: string): void {
    const forget = () => this.clocks.delete(name);
    node.on?.('ready', forget);
    this.listening.set(node, () => node.off?.('ready', forget));
  }
}

/** As it is called in the slots of a cluster. */
const nameOf = ({ options }: Emitter): string => `${options?.host}:${options?.port}`;
