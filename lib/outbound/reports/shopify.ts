import { headerText } from './header-source.js';
import { readCount, wholeCount, wholeMs } from './numbers.js';
import {
  makeReport,
  type ProviderReport,
  type ProviderResponse,
  type ReportParts,
} from './provider-report.js';
import { retryAfter } from './retry-after.js';

/**
 * Reads Shopify's limits ("Shopify API limits" in its documentation).
 *
 * - GraphQL, in points, from the parsed body: `extensions.cost.throttleStatus { maximumAvailable, currentlyAvailable,
 *   restoreRate }`, the rate in points per second. `resetAfterMs` is the time until the bucket is full. A query that was
 *   throttled (a 200) waits until the points that it asks for are there.
 * - REST, in requests: `X-Shopify-Shop-Api-Call-Limit: 32/40`, used and allowed, and the `Retry-After` of a 429.
 */
export function readShopify(response: ProviderResponse, now = Date.now()): ProviderReport | undefined {
  const quota = readCost(response.body) ?? readCallLimit(response);
  return makeReport({ ...quota, retryAfterMs: retryAfter(response, now) ?? quota.retryAfterMs });
}

function readCallLimit({ headers }: ProviderResponse): ReportParts {
  const [used, limit, ...rest] = (headerText(headers, 'x-shopify-shop-api-call-limit') ?? '')
    .split('/')
    .map(readCount);
  if (used === undefined || limit === undefined || rest.length > 0) return {};
  return { limit, remaining: Math.max(0, limit - used) };
}

function readCost(body: unknown): ReportParts | undefined {
  const cost = member(member(body, 'extensions'), 'cost');
  const status = member(cost, 'throttleStatus');
  const [maximum, available, rate] = ['maximumAvailable', 'currentlyAvailable', 'restoreRate'].map((name) =>
    positive(member(status, name)),
  );
  if (available === undefined) return undefined;
  const requested = positive(member(cost, 'requestedQueryCost')) ?? 0;
  const throttled = member(cost, 'actualQueryCost') === null && requested > available;
  const timeUntil = (points: number | undefined): number | undefined =>
    points === undefined || !rate ? undefined : wholeMs((Math.max(0, points - available) / rate) * 1000);
  return {
    limit: wholeCount(maximum),
    remaining: wholeCount(available),
    resetAfterMs: timeUntil(maximum),
    // More than the bucket holds never comes.
    retryAfterMs: throttled && requested <= (maximum ?? requested) ? timeUntil(requested) : undefined,
  };
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

const positive = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
