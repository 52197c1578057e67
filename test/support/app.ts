import type { INestApplication, ModuleMetadata, Type } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { RateLimitModule, type RateLimitModuleOptions } from '../../lib/index.js';
import { RATE_LIMIT_CLOCK } from '../../lib/wiring/tokens.js';
import type { ManualClock } from './manual-clock.js';

export type Adapter = 'express' | 'fastify';
export const adapters: readonly Adapter[] = ['express', 'fastify'];

/** What both frameworks understand. */
export type TrustProxy = boolean | number | string | string[] | ((address: string, hop: number) => boolean);

export interface AppOptions {
  controllers?: Type[];
  /** Options of `forRoot`; `false` leaves the module out. */
  rateLimit?: RateLimitModuleOptions | false;
  imports?: ModuleMetadata['imports'];
  providers?: ModuleMetadata['providers'];
  adapter?: Adapter;
  /** Stands in for the clock of the memory store. */
  clock?: Pick<ManualClock, 'read'>;
  /** Whose `X-Forwarded-For` the framework believes; nobody's, where it is not told. */
  trustProxy?: TrustProxy;
  /** Before the application starts to listen: global filters, `trust proxy`, middleware. */
  prepare?: (app: INestApplication) => void;
}

export interface TestApp {
  readonly app: INestApplication;
  readonly url: string;
  /** A real request over a real socket. */
  request(path: string, init?: RequestInit): Promise<Response>;
  /** The status codes of several requests, one after another. */
  statuses(count: number, path: string, init?: RequestInit): Promise<number[]>;
}

const running = new Set<INestApplication>();

/** Boots an application on a free port. Rejects where the boot does. */
export async function bootApp(options: AppOptions): Promise<TestApp> {
  const app = await createApp(options);
  running.add(app);
  options.prepare?.(app);
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as { port: number };
  const url = `http://127.0.0.1:${port}`;
  const request = (path: string, init?: RequestInit) => fetch(url + path, init);
  return {
    app,
    url,
    request,
    async statuses(count, path, init) {
      const found: number[] = [];
      for (let i = 0; i < count; i++) {
        const response = await request(path, init);
        await response.arrayBuffer();
        found.push(response.status);
      }
      return found;
    },
  };
}

/** For `afterEach`. */
export async function closeApps(): Promise<void> {
  const apps = [...running];
  running.clear();
  await Promise.all(
    apps.map((app) => {
      const closed = app.close();
      // A client may hold a connection on which it has not asked yet: no server takes that for idle.
      app.getHttpServer().closeAllConnections?.();
      return closed;
    }),
  );
}

async function createApp(options: AppOptions): Promise<INestApplication> {
  const {
    controllers = [],
    rateLimit = {},
    imports = [],
    providers = [],
    adapter = 'express',
    clock,
    trustProxy,
  } = options;
  const root = rateLimit === false ? [] : [RateLimitModule.forRoot(patient(rateLimit))];
  const builder = Test.createTestingModule({ imports: [...root, ...imports], controllers, providers });
  if (clock) builder.overrideProvider(RATE_LIMIT_CLOCK).useValue(clock.read);
  const module = await builder.compile();
  return module.createNestApplication(httpAdapter(adapter, trustProxy), { logger: false });
}

/** On a busy machine a server may be slow, and what is to be decided there must not be decided here instead. */
function patient(options: RateLimitModuleOptions): RateLimitModuleOptions {
  const hasStore = options?.redis !== undefined || options?.store !== undefined;
  return hasStore ? { storeTimeoutMs: 10_000, ...options } : options;
}

function httpAdapter(adapter: Adapter, trustProxy?: TrustProxy): ExpressAdapter | FastifyAdapter {
  // The types of newer versions of Fastify know no number, which they accept.
  const trusted = trustProxy as boolean;
  if (adapter === 'fastify')
    return new FastifyAdapter(trustProxy === undefined ? {} : { trustProxy: trusted });
  const express = new ExpressAdapter();
  if (trustProxy !== undefined) express.set('trust proxy', trustProxy);
  return express;
}
