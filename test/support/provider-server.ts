import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the provider answers to a token. */
export interface ProviderAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** Somebody else's API on a free port: it knows clients by their tokens, and answers each what it is set to. */
export class ProviderServer {
  /** By token. */
  readonly answers = new Map<string, ProviderAnswer>();
  /** The tokens of the requests, in their order. */
  readonly requests: string[] = [];
  private readonly server: Server;

  private constructor() {
    this.server = createServer(({ headers: { authorization = '' } }, response) => {
      const token = authorization.replace('Bearer ', '');
      this.requests.push(token);
      const { status, headers = {}, body = { token } } = this.answers.get(token) ?? { status: 200 };
      response
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(JSON.stringify(body));
    });
  }

  static async start(): Promise<ProviderServer> {
    const provider = new ProviderServer();
    await new Promise<void>((resolve) => provider.server.listen(0, '127.0.0.1', resolve));
    return provider;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }
}
