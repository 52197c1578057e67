// A proxy that spreads keys over several servers and tells nobody, as twemproxy and Envoy do with hash tags.
import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net';
import slotOf from 'cluster-key-slot';

/** What such proxies do not know, or answer for no server in particular. */
const UNKNOWN = new Set(['INFO', 'HELLO', 'CLIENT', 'SELECT', 'SCRIPT', 'TIME', 'MULTI', 'SUBSCRIBE']);

export class ShardingProxy {
  /** Commands with keys of several hash tags, which it has refused. */
  refused = 0;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly listener: Server,
    private readonly ports: readonly number[],
  ) {}

  static async start(ports: readonly number[]): Promise<ShardingProxy> {
    const listener = createServer();
    const proxy = new ShardingProxy(listener, ports);
    listener.on('connection', (client) => void proxy.serve(client));
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return proxy;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.listener.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.listener.close();
    for (const socket of this.sockets) socket.destroy();
  }

  /** One command after another: replies come in the order of the commands. */
  private async serve(client: Socket): Promise<void> {
    const shards = this.ports.map((port) => createConnection({ host: '127.0.0.1', port }));
    for (const socket of [client, ...shards]) {
      this.sockets.add(socket);
      socket.on('error', () => socket.destroy());
    }
    client.on('close', () => shards.map((shard) => shard.destroy()));
    const replies = shards.map((shard) => frames(shard));
    for await (const frame of frames(client)) {
      const shard = this.shardOf(wordsOf(frame));
      if (typeof shard === 'string') {
        client.write(`-ERR ${shard}\r\n`);
        continue;
      }
      shards[shard]!.write(frame);
      client.write((await replies[shard]!.next()).value as Buffer);
    }
  }

  /** Where a command goes, or why nowhere. */
  private shardOf(words: readonly string[]): number | string {
    const [name = '', ...rest] = words;
    if (UNKNOWN.has(name.toUpperCase())) return `unknown command '${name}'`;
    const keys = /^eval(sha)?$/i.test(name) ? rest.slice(2, 2 + Number(rest[1])) : [rest[0] ?? ''];
    const slots = new Set(keys.map((key) => slotOf(key)));
    if (slots.size === 1) return [...slots][0]! % this.ports.length;
    this.refused++;
    return 'keys of several hash tags';
  }
}

/** The complete commands or replies that a socket sends. */
async function* frames(socket: Socket): AsyncGenerator<Buffer, undefined> {
  let received: Buffer = Buffer.alloc(0);
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk as Buffer]);
    for (let end = endOf(received, 0); end !== undefined; end = endOf(received, 0)) {
      yield received.subarray(0, end);
      received = received.subarray(end);
    }
  }
}

/** Where the value that begins here ends; undefined where it is not all there. */
function endOf(bytes: Buffer, at: number): number | undefined {
  const line = bytes.indexOf('\r\n', at);
  if (line < 0) return undefined;
  const [type, length] = [String.fromCharCode(bytes[at]!), Number(bytes.toString('utf8', at + 1, line))];
  let end: number | undefined = line + 2;
  if (type === '$' && length >= 0) end += length + 2;
  if (type === '*') for (let i = 0; i < length && end !== undefined; i++) end = endOf(bytes, end);
  return end !== undefined && end <= bytes.length ? end : undefined;
}

function wordsOf(frame: Buffer): string[] {
  const words: string[] = [];
  for (let at = frame.indexOf('\r\n') + 2; at < frame.length; at = endOf(frame, at)!) {
    const start = frame.indexOf('\r\n', at) + 2;
    words.push(frame.toString('utf8', start, endOf(frame, at)! - 2));
  }
  return words;
}
