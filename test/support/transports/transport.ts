// What every transport of test/e2e/transports.spec.ts is made of: how it serves a handler, and how a client calls it.
import { setImmediate } from 'node:timers/promises';
import { expect } from '@jest/globals';
import {
  applyDecorators,
  type ExecutionContext,
  type INestApplication,
  type INestMicroservice,
  type ModuleMetadata,
  type Type,
} from '@nestjs/common';
import { Test, type TestingModule, type TestingModuleBuilder } from '@nestjs/testing';
import {
  type Decision,
  type KeyResolver,
  RateLimitDecision,
  RateLimitModule,
  type RateLimitModuleOptions,
} from '../../../lib/index.js';
import { RATE_LIMIT_CLOCK } from '../../../lib/wiring/tokens.js';
import type { ManualClock } from '../manual-clock.js';

/** The line of NestJS that the tests run on. */
export const nestLine = Number(/\d+/.exec(process.env.FLOODGATE_NEST ?? 'nest12')![0]);

export type Method = 'first' | 'second';

/** What a caller sends along. */
export interface Input {
  readonly cost?: number;
  /** Who calls, where a transport has no headers for it. */
  readonly who?: string;
}

/** What a handler answers: what was decided for it, and when it has started. */
export interface Answer {
  readonly decision?: Decision;
  readonly at: number;
}

export interface Reply {
  readonly answer?: Answer;
  /** What came in the place of an answer. */
  readonly error?: unknown;
  /** Of the HTTP response, where there is one. */
  readonly headers?: Headers;
}

export interface Client {
  call(method: Method, input?: Input): Promise<Reply>;
  /** Goes away at once, whatever it waits for. */
  leave(): void;
}

export interface Running {
  readonly app: INestApplication | INestMicroservice;
  /** A client that sends these headers when it connects or calls. */
  connect(headers?: Record<string, string>): Promise<Client>;
}

export interface TransportAdapter {
  readonly name: string;
  readonly onClass: ClassDecorator;
  readonly onMethod: (method: Method) => MethodDecorator;
  /** Hands the handler what the caller has sent: some transports know a parameter only if it is declared. */
  readonly input: () => ParameterDecorator;
  /** Controllers are served; what serves the others is found among the providers. */
  readonly isController: boolean;
  readonly imports?: () => ModuleMetadata['imports'];
  /** Who is limited where a policy does not say it. */
  readonly key?: KeyResolver;
  readonly inputOf: (context: ExecutionContext) => Input;
  /** Notes the user where an application on this transport would. */
  readonly setUser: (context: ExecutionContext, user: unknown) => void;
  /** A header of the caller, where there are any. */
  readonly headerOf?: (context: ExecutionContext, name: string) => string | undefined;
  readonly start: (module: TestingModule) => Promise<Running>;
  /** The error that a client gets for a refusal. */
  readonly refusal: (decision: Decision) => unknown;
  /** The error that a client gets whose wait a shutdown has ended. */
  readonly shutdown: unknown;
}

/** The decorators of ours: on the class, and on its two handlers. */
export interface Places {
  readonly onClass?: ClassDecorator[];
  readonly first?: MethodDecorator[];
  readonly second?: MethodDecorator[];
}

export interface Booted extends Running {
  /** The handlers that have run. */
  readonly started: readonly Method[];
  /** Closes the application, and waits for those that it still serves. */
  close(): Promise<void>;
}

const running = new Set<INestApplication | INestMicroservice>();
const clients = new Set<Client>();

/** Two handlers on a transport, and a client for them. */
export async function bootTransport(
  adapter: TransportAdapter,
  places: Places,
  rateLimit: RateLimitModuleOptions = {},
  clock?: ManualClock,
  prepare?: (builder: TestingModuleBuilder) => void,
): Promise<Booted> {
  const started: Method[] = [];
  const cats = catsOn(adapter, places, started);
  const builder = Test.createTestingModule({
    imports: [
      RateLimitModule.forRoot({ ...(adapter.key ? { key: adapter.key } : {}), ...rateLimit }),
      ...(adapter.imports?.() ?? []),
    ],
    [adapter.isController ? 'controllers' : 'providers']: [cats],
  });
  if (clock) builder.overrideProvider(RATE_LIMIT_CLOCK).useValue(clock.read);
  prepare?.(builder);
  const { app, connect } = await adapter.start(await builder.compile());
  running.add(app);
  const connectOnce = async (headers?: Record<string, string>) => {
    const client = await connect(headers);
    clients.add(client);
    return client;
  };
  const close = () => {
    running.delete(app);
    return app.close();
  };
  return { app, started, connect: connectOnce, close };
}

/** For `afterEach`. */
export async function closeTransports(): Promise<void> {
  for (const client of clients) client.leave();
  clients.clear();
  const apps = [...running];
  running.clear();
  await Promise.all(apps.map(closeNow));
}

/** A client of HTTP may hold a connection on which it does not ask any more, or open one just now. */
async function closeNow(app: INestApplication | INestMicroservice): Promise<void> {
  let isOpen = true;
  const closed = app.close().finally(() => {
    isOpen = false;
  });
  while (isOpen && 'getHttpServer' in app) {
    app.getHttpServer().closeAllConnections?.();
    await setImmediate();
  }
  await closed;
}

interface GatewayClient {
  request?: unknown;
  readonly readyState?: number;
  on(event: string, listener: (content: unknown) => void): unknown;
  send(text: string): void;
}

/** Before NestJS 12 the exceptions of a client of ws are events that only the server hears. */
function sendExceptions(client: GatewayClient): void {
  client.on('exception', (data) => client.send(JSON.stringify({ event: 'exception', data })));
}

function catsOn(adapter: TransportAdapter, places: Places, started: Method[]): Type {
  const { onClass = [], first = [], second = [] } = places;
  const answer = (method: Method, decision?: Decision): string => {
    started.push(method);
    return JSON.stringify({ decision, at: performance.now() } satisfies Answer);
  };
  const { input } = adapter;

  @applyDecorators(adapter.onClass, ...onClass)
  class Cats {
    @applyDecorators(adapter.onMethod('first'), ...first)
    first(@RateLimitDecision() decision: Decision | undefined, @input() _input: unknown) {
      return answer('first', decision);
    }

    @applyDecorators(adapter.onMethod('second'), ...second)
    second(@RateLimitDecision() decision: Decision | undefined, @input() _input: unknown) {
      return answer('second', decision);
    }

    /** For gateways: ws does not keep the request that opens a connection, so the application does. */
    handleConnection(client: GatewayClient, request?: unknown) {
      client.request ??= request;
      if (nestLine < 12 && client.readyState !== undefined) sendExceptions(client);
    }
  }
  return Cats;
}

export const readAnswer = (text: unknown): Answer => JSON.parse(text as string) as Answer;

/** What is told of a refusal where it is one object. */
export const problemOf = (decision: Decision) => ({
  status: 'error',
  code: 'RATE_LIMITED',
  message: `limit '${decision.policy}' exceeded; retry after ${decision.retryAfterMs} ms`,
  decision,
});

export const shutdownProblem = {
  status: 'error',
  code: 'SHUTTING_DOWN',
  message: expect.stringContaining('shutting down') as unknown,
};
