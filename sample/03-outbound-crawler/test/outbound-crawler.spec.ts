// Processes of their own, as in production: a Redis, the provider, four instances of the application.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { CompiledLib } from '../../../test/support/compiled-lib.js';
import { NodeServer } from '../../../test/support/processes/node-server.js';
import { type RedisServer, startRedis } from '../../../test/support/redis/server.js';
import type { Account, summary } from '../src/account.js';
import type { CrawlController } from '../src/crawl.controller.js';
import { CAPACITY, PER_SECOND } from '../src/quota.js';
import { tokens } from '../src/tokens.js';

const SOURCES = 'sample/03-outbound-crawler/src';
const WORKERS = 6;
const PAGES = 800;

/** Tokens of each account that the sample keeps back, and how late they allow a request to be. */
const SPARE = 6;
const LATE_MS = (SPARE / PER_SECOND) * 1000;

/** What the provider tells of lateness is in whole milliseconds of three clock readings. */
const ROUNDING_MS = 2;

type Stats = ReturnType<typeof summary> & {
  tokens: Record<string, ReturnType<Account['stats']>>;
  lateMs: number;
};
type Progress = Awaited<ReturnType<CrawlController['progress']>>;

let lib: CompiledLib;
let redis: RedisServer;
let provider: NodeServer;
let instances: NodeServer[] = [];
let alone: NodeServer;

beforeAll(async () => {
  [lib, redis] = await Promise.all([CompiledLib.create(SOURCES), startRedis()]);
  provider = await NodeServer.start(program('provider.js'));
  const shared = { PORT: '0', REDIS_URL: redis.url, PROVIDER_URL: provider.url };
  const starting = Array.from({ length: 4 }, () => NodeServer.start(program('main.js'), shared));
  const itself = { PORT: '0', REDIS_URL: undefined, PROVIDER_URL: undefined };
  [alone, ...instances] = await Promise.all([NodeServer.start(program('main.js'), itself), ...starting]);
});

afterAll(async () => {
  await Promise.all([alone, ...instances, provider].map((server) => server?.stop()));
  await Promise.all([redis?.stop(), lib?.remove()]);
});

it('four instances use what three tokens are granted but for the spare, and are not refused', async () => {
  await start(PAGES / 4);
  const ends = await untilDone();
  const stats = await statsOf(provider.url);
  expect(ends).toEqual(Array(4).fill({ isRunning: false, total: 200, done: 200, pool: expect.anything() }));
  expect(stats).toMatchObject({ served: PAGES, unauthorized: 0 });
  expectOnlyTheLateRefused(stats);
  // The pool needs so long; the last page may be as late as any, and a token that was refused stands still for a second.
  const atOnce = tokens.length * (CAPACITY - SPARE);
  const extra = Math.max(LATE_MS, stats.lateMs) / 1000 + stats.refused;
  const seconds = (PAGES - atOnce) / (tokens.length * PER_SECOND) + extra;
  expect(stats.used).toBeGreaterThanOrEqual(PAGES / (tokens.length * (CAPACITY + PER_SECOND * seconds)));
  expect(stats.used).toBeLessThanOrEqual(1);
});

it('a token that is revoked meanwhile is left alone, and the others do the rest', async () => {
  const before = await statsOf(provider.url);
  await start(60);
  while ((await statsOf(provider.url)).served < before.served + 120) await sleep(5);
  await fetch(`${provider.url}/tokens/token-2`, { method: 'DELETE' });
  const revoked = (await statsOf(provider.url)).tokens['token-2']!;
  const ends = await untilDone();
  const after = await statsOf(provider.url);

  expect(ends.map(({ done }) => done)).toEqual([60, 60, 60, 60]);
  expect(ends[0]!.pool.map(({ isQuarantined }) => isQuarantined)).toEqual([false, true, false]);
  expect(after.served).toBe(before.served + 240);
  expectOnlyTheLateRefused(after);
  // What was under way when it was revoked; the line of those who waited for it has moved to the others.
  expect(after.unauthorized).toBeGreaterThanOrEqual(1);
  expect(after.unauthorized).toBeLessThanOrEqual(instances.length * WORKERS);
  expect(after.tokens['token-2']).toEqual({ ...revoked, unauthorized: after.unauthorized });
});

it('a token that is valid again is used again, once it is restored', async () => {
  await fetch(`${provider.url}/tokens/token-2`, { method: 'PUT' });
  const before = await statsOf(provider.url);
  const restored = await fetch(`${instances[3]!.url}/pool/second/restore`, { method: 'POST' });
  expect(await restored.json()).toEqual({ restored: true });
  await start(15);
  await untilDone();
  const { tokens, unauthorized } = await statsOf(provider.url);
  expect(tokens['token-2']!.served).toBeGreaterThan(before.tokens['token-2']!.served);
  expect(unauthorized).toBe(before.unauthorized);
});

it('the provider that an instance has started ends with it', async () => {
  const [, url = ''] = /(http:\S+)\/stats/.exec(alone.log())!;
  await statsOf(url);
  await alone.terminate();
  await expect(statsOf(url)).rejects.toThrow('fetch failed');
});

/** The pool keeps six tokens back, so the provider can refuse only where a request was later than these allow. */
function expectOnlyTheLateRefused({ refused, lateMs }: Stats): void {
  const hasReason = lateMs > LATE_MS - ROUNDING_MS;
  expect({ refused, lateMs, isExplained: refused === 0 || hasReason }).toMatchObject({ isExplained: true });
}

function program(file: string): string {
  return join(lib.folder, SOURCES, file);
}

/** Lets each instance crawl so many pages. */
async function start(pages: number): Promise<void> {
  const started = instances.map(({ url }, i) =>
    fetch(`${url}/crawl?from=${1 + i * pages}&to=${(i + 1) * pages}`, { method: 'POST' }),
  );
  expect((await Promise.all(started)).map(({ status }) => status)).toEqual([202, 202, 202, 202]);
}

async function untilDone(): Promise<Progress[]> {
  for (;;) {
    const all = await Promise.all(instances.map(({ url }) => get<Progress>(`${url}/crawl`)));
    if (all.every(({ isRunning }) => !isRunning)) return all;
    await sleep(100);
  }
}

const statsOf = (url: string) => get<Stats>(`${url}/stats`);

async function get<T>(url: string): Promise<T> {
  return (await fetch(url)).json() as Promise<T>;
}
