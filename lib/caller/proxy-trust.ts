import type { HttpServer } from '@nestjs/common';

/**
 * Whose `X-Forwarded-For` a framework believes. `unset`: nobody's, and nobody has said so; `ignored`: nobody's, though a
 * number of proxies is given, for newer versions of Fastify look at addresses only.
 */
export type ProxyTrust = 'everyone' | 'some' | 'nobody' | 'unset' | 'ignored';

/** Of networks for documentation, in which nobody is. */
const [ANYBODY, CLAIMED] = ['192.0.2.1', '198.51.100.1'];
/** More proxies than there are in front of anything. */
const MANY = 1000;

/** What the framework below an adapter has been told. `some` also where that cannot be found out. */
export function proxyTrust(adapter: Pick<HttpServer, 'getType' | 'getInstance'>): ProxyTrust {
  const kind = adapter.getType();
  if (kind === 'express') return ofExpress(adapter.getInstance() as Express);
  return kind === 'fastify' ? ofFastify(adapter.getInstance() as object) : 'some';
}

interface Express {
  get(name: string): unknown;
  readonly settings: Readonly<Record<string, unknown>>;
}

function ofExpress(app: Express): ProxyTrust {
  const trusts = app.get('trust proxy fn') as ((address: string, hop: number) => boolean) | undefined;
  if (trusts?.(ANYBODY, MANY) === true) return 'everyone';
  // How Express itself knows that it was never set.
  if (app.settings['@@symbol:trust_proxy_default'] === true) return 'unset';
  return app.get('trust proxy') === false ? 'nobody' : 'some';
}

interface FastifyOptions {
  readonly trustProxy?: unknown;
}

function ofFastify(app: object): ProxyTrust {
  const options = partOf(app, 'fastify.options') as FastifyOptions | undefined;
  const request = partOf(app, 'fastify.Request') as { readonly prototype: object } | undefined;
  if (options === undefined || request === undefined) return 'some';
  const { trustProxy } = options;
  if (trustProxy === undefined) return 'unset';
  if (isBelieved(request, MANY)) return 'everyone';
  if (!trustProxy) return 'nobody';
  return typeof trustProxy === 'number' && !isBelieved(request, 1) ? 'ignored' : 'some';
}

/** Fastify keeps what it was made with under symbols of its own. */
function partOf(app: object, name: string): unknown {
  const symbol = Object.getOwnPropertySymbols(app).find(({ description }) => description === name);
  return symbol && (app as Record<symbol, unknown>)[symbol];
}

/** Whether a request that anybody sends, by way of so many proxies, has the address that it claims. */
function isBelieved(request: { readonly prototype: object }, proxies: number): boolean {
  const claim = [CLAIMED, ...Array(proxies - 1).fill(ANYBODY)].join(', ');
  const socket = { remoteAddress: ANYBODY };
  const raw = { headers: { 'x-forwarded-for': claim }, socket, connection: socket };
  return Object.create(request.prototype, { raw: { value: raw } }).ip === CLAIMED;
}
