import type { Caller } from './caller.js';
import { type Connection, connectionOf, type Emitter } from './connection.js';

/** A request as Node has it; a WebSocket connection begins with one too. */
export interface RawRequest {
  readonly headers: NonNullable<Caller['headers']>;
  readonly httpVersionMajor?: number;
  readonly socket?: Emitter & { readonly remoteAddress?: string; readonly destroyed?: boolean };
  /** HTTP/2: the part of a connection that belongs to this request. */
  readonly stream?: Emitter & { readonly destroyed?: boolean };
}

/** A request of Node, or what Express and Fastify make of it. */
export interface HttpRequest extends RawRequest {
  readonly ip?: string;
  readonly params?: NonNullable<Caller['params']>;
  readonly user?: unknown;
  /** Fastify: the request of Node. */
  readonly raw?: RawRequest;
}

export const httpCaller = (request: HttpRequest): Caller => new HttpCaller(request);

/** What costs something is worked out when it is asked for. */
class HttpCaller implements Caller {
  constructor(private readonly request: HttpRequest) {}

  get ip(): string {
    return this.request.ip ?? this.request.socket?.remoteAddress ?? '';
  }

  get headers(): Caller['headers'] {
    return this.request.headers;
  }

  get params(): NonNullable<Caller['params']> {
    return this.request.params ?? {};
  }

  get user(): unknown {
    return this.request.user;
  }

  get connection(): Connection | undefined {
    const { httpVersionMajor, stream, socket } = this.request.raw ?? this.request;
    const emitter = httpVersionMajor === 2 ? stream : socket;
    return emitter && connectionOf(emitter, 'close', () => emitter.destroyed === true);
  }
}
