import type { HttpServer } from '@nestjs/common';
import { type ProxyTrust, proxyTrust } from '../caller/proxy-trust.js';
import { className } from '../common/class-scope.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { readsAddress } from '../keys/address-readers.js';
import type { ProxyWatch } from '../keys/proxy-watch.js';
import { kindsOf } from './handler-kind.js';
import type { PlannedHandler } from './handler-plan.js';

/** What is asked of the adapter of an application. */
export type Adapter = Pick<HttpServer, 'getType' | 'getInstance'>;

/**
 * An address is worth as much as what the framework believes of it. Said, not forbidden: what stands before an application
 * is not known here.
 * @returns warnings; what only a request shows is told to `warn`, once, later
 */
export function checkProxies(
  handlers: readonly PlannedHandler[],
  adapter: Adapter | undefined,
  watch: ProxyWatch,
  warn: (warning: string) => void,
): string[] {
  const places = handlers.filter(goesByAddress).map(({ type, method }) => `${className(type)}.${method}`);
  // Without an adapter there are no requests.
  if (places.length === 0 || adapter === undefined) return [];
  const trust = proxyTrust(adapter);
  if (trust === 'unset') {
    watch.start((route) => {
      // It may have been set after all: on Express at any time.
      if (proxyTrust(adapter) === 'unset') warn(notTrusted(route, adapter));
    });
  }
  return warningsOf(trust, placeOf(places), adapter);
}

function warningsOf(trust: ProxyTrust, place: string, adapter: Adapter): string[] {
  if (trust === 'everyone') return [spoofable(place, adapter)];
  return trust === 'ignored' ? [ignored(place)] : [];
}

/** Gateways are not concerned: no framework reads the field for their connections. */
function goesByAddress({ type, method, plan }: PlannedHandler): boolean {
  const kinds = kindsOf(type.prototype[method]);
  if (!kinds.includes('http') && !kinds.includes('graphql')) return false;
  return [...plan.guard, ...plan.handler].some(({ key, skips }) => [key, ...skips].some(readsAddress));
}

const placeOf = ([first, ...others]: readonly string[]): string =>
  others.length === 0 ? `${first}` : `${first} and ${others.length} more`;

/** How proxies are named, in the words of the framework. */
const namesProxies = (adapter: Adapter): string =>
  adapter.getType() === 'express'
    ? "app.set('trust proxy', '10.0.0.0/8')"
    : "new FastifyAdapter({ trustProxy: '10.0.0.0/8' })";

const trustsNobody = (adapter: Adapter): string =>
  adapter.getType() === 'express' ? "app.set('trust proxy', false)" : 'trustProxy: false';

// Errors that are not thrown: a warning has a code, and its fix, as they have.
const spoofable = (place: string, adapter: Adapter): string =>
  new RateLimitError(
    'SPOOFABLE_ADDRESS',
    `${place}: limited by the client's address, and every proxy is trusted (${adapter.getType() === 'express' ? "'trust proxy'" : 'trustProxy'}), so that X-Forwarded-For makes any client any other; name your proxies, as ${namesProxies(adapter)}`,
  ).message;

const notTrusted = (place: string, adapter: Adapter): string =>
  new RateLimitError(
    'PROXY_NOT_TRUSTED',
    `${place}: limited by the client's address, and a request came with X-Forwarded-For while no proxy is trusted, so that all clients behind a proxy count as one; name your proxies, as ${namesProxies(adapter)}, or say that there are none: ${trustsNobody(adapter)}`,
  ).message;

const ignored = (place: string): string =>
  new RateLimitError(
    'PROXY_NOT_TRUSTED',
    `${place}: limited by the client's address, and trustProxy is a number of proxies, by which this version of Fastify trusts none, so that all clients behind a proxy count as one; name your proxies, as new FastifyAdapter({ trustProxy: '10.0.0.0/8' })`,
  ).message;
