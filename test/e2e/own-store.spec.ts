// A store that a user has written, behind the module.
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { Controller, Get, Logger } from '@nestjs/common';
import {
  RateLimitAdmin,
  RateLimiterService,
  RateLimitModule,
  StoreHealth,
  TokenBucket,
  tokenBucket,
} from 'nestjs-floodgate';
import { type BucketRecord, endOf, RecordStore, type Work } from 'nestjs-floodgate/store';
import { bootApp, closeApps } from '../support/app.js';
import { eventually } from '../support/eventually.js';

/** Rows in a table of JSON, behind a promise, one step after another. */
class TableStore extends RecordStore {
  readonly rows = new Map<string, { readonly json: string; readonly until: number }>();
  now = 1;
  closed = 0;
  private line: Promise<unknown> = Promise.resolve();

  override close(): void {
    this.closed++;
  }

  protected step<T>(keys: readonly string[], work: Work<T>): Promise<T> {
    const step = this.line.then(() => this.one(keys, work));
    this.line = step.catch(() => undefined);
    return step;
  }

  private async one<T>(keys: readonly string[], work: Work<T>): Promise<T> {
    const stored = new Map<string, BucketRecord>();
    for (const key of keys) {
      const row = this.rows.get(key);
      if (row && row.until > this.now) stored.set(key, JSON.parse(row.json));
    }
    const { answer, writes } = work(stored, this.now);
    for (const [key, record] of writes) {
      if (record === undefined) this.rows.delete(key);
      else this.rows.set(key, { json: JSON.stringify(record), until: endOf(record) });
    }
    return answer;
  }
}

const chat = tokenBucket({ name: 'chat', capacity: 2, rate: 1 });
let store: TableStore;

beforeEach(() => {
  store = new TableStore();
});

afterEach(async () => {
  jest.restoreAllMocks();
  await closeApps();
});

@Controller('cats')
class Cats {
  @Get()
  @TokenBucket({ capacity: 2, rate: 1 })
  find() {}
}

it('decides requests and calls of the service', async () => {
  const { app, statuses, request } = await bootApp({ controllers: [Cats], rateLimit: { store } });
  expect(await statuses(3, '/cats')).toEqual([200, 200, 429]);
  store.now += 1_000_000;
  const response = await request('/cats');
  expect([response.status, response.headers.get('RateLimit')]).toEqual([200, '"Cats.find";r=0;t=1']);

  const limiter = app.get(RateLimiterService);
  const decisions = await Promise.all([1, 2, 3].map(() => limiter.consume(chat, 'ada')));
  expect(decisions.map(({ allowed, source }) => [allowed, source])).toEqual([
    [true, 'custom'],
    [true, 'custom'],
    [false, 'custom'],
  ]);
  expect(await limiter.block(chat, 'ada', { forMs: 5000 })).toMatchObject({ retryAfterMs: 5000 });
  expect(await limiter.unblock(chat, 'ada')).toBe(true);
  expect(await limiter.reset(chat, 'ada')).toBe(true);
  expect(await limiter.sync(chat, 'ada', { remaining: 0 })).toMatchObject({ remaining: 0, source: 'custom' });
  expect([...store.rows.keys()]).toContain('chat:{ada}');
});

it('keeps reservations as records beside their buckets, and settles each once', async () => {
  class ListedStore extends TableStore {
    override bucketsOf = (policy: string) =>
      [...this.rows.keys()].filter((key) => key.startsWith(`${policy}:{`));
  }
  const listed = new ListedStore();
  const { app } = await bootApp({ rateLimit: { store: listed } });
  const limiter = app.get(RateLimiterService);
  const [first, second] = [await limiter.reserve(chat, 'ada'), await limiter.reserve(chat, 'ada')];
  expect(listed.rows.size).toBe(3);
  expect(await app.get(RateLimitAdmin).fullest(chat)).toMatchObject([{ key: 'ada', remaining: 0 }]);
  expect(await limiter.settle(first, 0)).toEqual({ settled: true, charged: -1 });
  expect(await limiter.settle(first, 0)).toEqual({ settled: false, charged: 0 });
  expect(await limiter.settle(second, 3)).toEqual({ settled: true, charged: 2 });
  expect([...listed.rows.keys()]).toEqual(['chat:{ada}']);
});

it('is never closed by the module, not even where the boot fails', async () => {
  await bootApp({ rateLimit: { store } });
  await closeApps();
  const twice = [RateLimitModule.forRoot({ store, prefix: 'another' })];
  await expect(bootApp({ rateLimit: { store }, imports: twice })).rejects.toThrow('[DUPLICATE_FOR_ROOT]');
  expect(store.closed).toBe(0);
});

it('keeps the boot log from saying that buckets live in memory', async () => {
  const log = jest.spyOn(Logger.prototype, 'log').mockImplementation(() => undefined);
  await bootApp({ rateLimit: { store } });
  expect(log.mock.calls.filter(([message]) => String(message).includes('memory'))).toEqual([]);
  await bootApp({});
  expect(log.mock.calls.filter(([message]) => String(message).includes('memory'))).toHaveLength(1);
});

it('fails no request where its step fails, and decides again when it does not', async () => {
  const { app, request } = await bootApp({ controllers: [Cats], rateLimit: { store, sourceHeader: true } });
  jest.spyOn(store.rows, 'get').mockImplementation(() => {
    throw new Error('the table is gone');
  });
  const answer = await request('/cats');
  expect([answer.status, answer.headers.get('x-ratelimit-source')]).toEqual([200, 'memory']);
  jest.restoreAllMocks();
  await eventually(() => app.get(StoreHealth).state === 'closed', 'the store decides again');
  const later = await request('/cats');
  expect([later.status, later.headers.get('x-ratelimit-source')]).toEqual([200, 'custom']);
});

it('keeps limits that are set at run time, where it says how', async () => {
  const limits = { capacity: 9, rate: 1 };
  const { app } = await bootApp({ rateLimit: { store } });
  await expect(app.get(RateLimiterService).setLimits(chat, limits)).rejects.toThrow(
    'RateLimiterService.setLimits: store is TableStore (object), which keeps no limits; write readLimits',
  );
  expect(await app.get(RateLimiterService).clearLimits(chat)).toBe(false);

  class ConfiguredStore extends TableStore {
    private readonly texts = new Map<string, string>();
    override readLimits = async () => this.texts;
    override writeLimits = async (policy: string, text: string) => void this.texts.set(policy, text);
    override deleteLimits = async (policy: string) => this.texts.delete(policy);
  }
  const configured = await bootApp({ rateLimit: { store: new ConfiguredStore() } });
  const limiter = configured.app.get(RateLimiterService);
  await limiter.setLimits(chat, limits);
  expect(await limiter.consume(chat, 'ada')).toMatchObject({ limit: 9, source: 'custom' });
  expect(await limiter.clearLimits(chat)).toBe(true);
});
