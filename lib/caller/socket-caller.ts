import type { Caller } from './caller.js';
import { type Connection, connectionOf, type Emitter } from './connection.js';
import type { HttpRequest, RawRequest } from './http-caller.js';

/** What is read of the client of a gateway. */
interface SocketClient extends Emitter {
  /** socket.io: what was read of the request that opened the connection. */
  readonly handshake?: { readonly address?: string; readonly headers?: Caller['headers'] };
  /** That request: socket.io keeps it; for ws the application may, in `handleConnection`. */
  readonly request?: HttpRequest;
  /** socket.io: what an application notes on a client. */
  readonly data?: { readonly user?: unknown };
  readonly user?: unknown;
  /** socket.io. */
  readonly disconnected?: boolean;
  /** ws: 2 is closing, 3 is closed. */
  readonly readyState?: number;
  /** ws. */
  readonly _socket?: RawRequest['socket'];
}

const CLOSING = 2;

export const socketCaller = (client: SocketClient): Caller => new SocketCaller(client);

/** The client of socket.io or ws. */
class SocketCaller implements Caller {
  /** Only a route has parameters. */
  readonly params = undefined;

  constructor(private readonly client: SocketClient) {}

  get ip(): string | undefined {
    const { handshake, request, _socket } = this.client;
    const socket = request?.socket ?? _socket;
    return handshake?.address ?? (socket && (socket.remoteAddress ?? ''));
  }

  get headers(): Caller['headers'] {
    return this.client.handshake?.headers ?? this.client.request?.headers;
  }

  get user(): unknown {
    return this.client.data?.user ?? this.client.user ?? this.client.request?.user;
  }

  get connection(): Connection | undefined {
    const { client } = this;
    // Nest tells the two apart by the same number.
    if (typeof client.readyState === 'number') {
      return connectionOf(client, 'close', () => (client.readyState as number) >= CLOSING);
    }
    return typeof client.off === 'function'
      ? connectionOf(client, 'disconnect', () => client.disconnected === true)
      : undefined;
  }
}
