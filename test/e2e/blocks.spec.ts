import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get, type Type } from '@nestjs/common';
import {
  byGlobal,
  type Decision,
  LeakyBucket,
  leakyBucket,
  type Policy,
  RateLimit,
  RateLimitDecision,
  RateLimiterService,
  tokenBucket,
} from '../../lib/index.js';
import { Turns } from '../../lib/limiter/waiting/turns.js';
import { type Adapter, adapters, bootApp, closeApps, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { catsWith, members } from '../support/routes.js';

/** A slot each 200 ms. */
const shaping = { name: 'line', capacity: 10, rate: 5, key: byGlobal() };
const line = leakyBucket(shaping);

/** All but the timers and the clock that the library waits by: sockets and frameworks go on. */
const KEPT = [
  'Date',
  'hrtime',
  'nextTick',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
] as const;

/** `/cats`, whose handler tells what its decision says. */
function catsThatTell(...decorators: MethodDecorator[]): Type {
  @Controller('cats')
  class Cats {
    @Get()
    find(@RateLimitDecision('line') decision: Decision) {
      return { delayMs: decision.delayMs };
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(Cats.prototype, 'find') as PropertyDescriptor;
  for (const decorate of decorators) decorate(Cats.prototype, 'find', descriptor);
  return Cats;
}

interface Answer {
  name: unknown;
  /** When it came. */
  at: number;
  response: Response;
  body: unknown;
}

afterEach(async () => {
  jest.useRealTimers();
  await closeApps();
});

describe.each(adapters)('on %s', (adapter: Adapter) => {
  let running: TestApp;
  let limiter: RateLimiterService;
  let answers: Answer[];

  /** From here on, time stands still until it is moved; the buckets live in it. */
  async function boot(...decorators: MethodDecorator[]): Promise<void> {
    running = await bootApp({ controllers: [catsThatTell(...decorators)], adapter });
    limiter = running.app.get(RateLimiterService);
    answers = [];
    jest.useFakeTimers({ doNotFake: [...KEPT] });
  }

  const waiting = () => running.app.get(Turns).waiting;
  const advance = (ms: number) => jest.advanceTimersByTimeAsync(ms);
  const seen = () => answers.map(({ name, at, response }) => [name, at, response.status]);

  async function ask(name: unknown): Promise<void> {
    const response = await running.request('/cats');
    const at = performance.now();
    answers.push({ name, at, response, body: await response.json() });
  }

  /** So many requests, one after another, of which the first starts at once and the others wait. */
  async function enter(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      void ask(i);
      await eventually(
        () => (i === 0 ? answers.length === 1 : waiting() === i),
        `request ${i} has its place`,
      );
    }
  }

  /** Moves time, in steps as short as the distance of starts, so that each answer is seen when it comes. */
  async function until(time: number): Promise<void> {
    while (performance.now() < time) {
      const before = answers.length + waiting();
      await advance(Math.min(100, time - performance.now()));
      await eventually(() => answers.length + waiting() >= before, 'what was started is answered');
    }
  }

  const ways: [string, () => Promise<unknown>][] = [
    ['sync', () => limiter.sync(line, 'all', { retryAfterMs: 500 })],
    ['block', () => limiter.block('line', 'all', { forMs: 500 })],
  ];

  it.each(ways)('requests that wait are answered after a %s, new ones behind them', async (_, block) => {
    await boot(RateLimit(line));
    await enter(4);
    await block();
    await eventually(() => waiting() === 3, 'all wait again');
    void ask('new');
    await eventually(() => waiting() === 4, 'the new one waits');
    await until(1500);
    // The second and the third stood inside the block, the fourth behind it.
    expect(seen()).toEqual([
      [0, 0, 200],
      [3, 600, 200],
      [1, 800, 200],
      [2, 1000, 200],
      ['new', 1200, 200],
    ]);
  });

  it('their handlers are told the decision of the place that they started at', async () => {
    await boot(RateLimit(line));
    await enter(2);
    await advance(100);
    await limiter.block(line, 'all', { forMs: 500 });
    await until(1000);
    expect(answers.map(({ body }) => body)).toEqual([{ delayMs: 0 }, { delayMs: 500 }]);
  });

  it('one that waits longer than maxWaitMs allows in all is refused, with what a later one would be told', async () => {
    await boot(LeakyBucket({ ...shaping, maxWaitMs: 1000 }));
    await enter(2);
    await advance(100);
    await limiter.block('line', 'all', { forMs: 901 });
    await eventually(() => answers.length === 2, 'the second is refused');
    const [, { response, body }] = answers as [Answer, Answer];
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '1']);
    expect(body).toMatchObject({ status: 429, 'violated-policies': ['line'], 'retry-after-ms': 1 });
    // Not what it was told when it had a place.
    expect(members(response)).toEqual({ line: { r: 5, t: 1 } });
    // A new one has all its patience.
    void ask('new');
    await eventually(() => waiting() === 1, 'the new one waits');
    await until(1200);
    expect(seen().at(-1)).toEqual(['new', 1001, 200]);
  });

  it('one that finds the line behind the block full is refused, and the others stay', async () => {
    await boot(LeakyBucket({ ...shaping, capacity: 4 }));
    await enter(4);
    await limiter.sync('line', 'all', { retryAfterMs: 300 });
    await eventually(() => answers.length === 2, 'the second is refused');
    await until(700);
    expect(seen()).toEqual([
      [0, 0, 200],
      [1, 0, 429],
      [2, 400, 200],
      [3, 600, 200],
    ]);
    expect(answers[1]!.response.headers.get('retry-after')).toBe('1');
  });

  it('all that wait are refused where nobody knows the end, without Retry-After', async () => {
    await boot(RateLimit(line));
    await enter(3);
    await limiter.block(line, 'all');
    await eventually(() => answers.length === 3, 'both are refused');
    await ask('new');
    expect(seen()).toEqual([
      [0, 0, 200],
      [1, 0, 429],
      [2, 0, 429],
      ['new', 0, 429],
    ]);
    for (const { response } of answers.slice(1)) expect(response.headers.get('retry-after')).toBeNull();
  });

  it('one that leaves while it waits behind the block gives its place back', async () => {
    await boot(RateLimit(line));
    await enter(1);
    const client = new AbortController();
    const gone = running.request('/cats', { signal: client.signal });
    await eventually(() => waiting() === 1, 'it waits');
    await limiter.block(line, 'all', { forMs: 500 });
    const lineMs = async () => (await limiter.peek(line, 'all', { cost: 0 })).resetAfterMs;
    expect(await lineMs()).toBe(700);
    client.abort();
    await expect(gone).rejects.toThrow();
    await eventually(async () => (await lineMs()) === 500, 'the place is free');
  });

  it('a block of what was taken already moves nobody', async () => {
    const burst = tokenBucket({
      name: 'burst',
      capacity: 10,
      rate: '1/h',
      key: byGlobal(),
      stage: 'handler',
    });
    await boot(RateLimit(burst), RateLimit(line));
    await enter(2);
    void ask(2);
    await eventually(() => waiting() === 2, 'another one waits');
    await limiter.block('burst', 'all', { forMs: 60_000 });
    await until(500);
    expect(seen()).toEqual([
      [0, 0, 200],
      [1, 200, 200],
      [2, 400, 200],
    ]);
  });

  describe('a token bucket under a block', () => {
    const quota = tokenBucket({ name: 'quota', capacity: 10, rate: 5, key: byGlobal() });

    async function bootQuota(policy: Policy = quota): Promise<void> {
      running = await bootApp({ controllers: [catsWith(RateLimit(policy))], adapter });
      limiter = running.app.get(RateLimiterService);
      jest.useFakeTimers({ doNotFake: [...KEPT] });
    }

    it.each([
      ['sync', () => limiter.sync(quota, 'all', { retryAfterMs: 6500 })],
      [
        'a report of what remains as well',
        () => limiter.sync(quota, 'all', { remaining: 9, retryAfterMs: 6500 }),
      ],
      ['block', () => limiter.block('quota', 'all', { forMs: 6500 })],
    ])(
      'of %s is refused until its end: nothing remains, for as long as the block lasts',
      async (_, block) => {
        await bootQuota();
        expect((await running.request('/cats')).status).toBe(200);
        await block();
        const refusal = await running.request('/cats');
        expect([refusal.status, refusal.headers.get('retry-after')]).toEqual([429, '7']);
        expect(members(refusal)).toEqual({ quota: { r: 0, t: 7 } });
        expect(await refusal.json()).toMatchObject({
          'violated-policies': ['quota'],
          'retry-after-ms': 6500,
        });
        jest.advanceTimersByTime(6499);
        expect((await running.request('/cats')).headers.get('retry-after')).toBe('1');
        jest.advanceTimersByTime(1);
        const passed = await running.request('/cats');
        expect([passed.status, members(passed)]).toEqual([200, { quota: { r: 9, t: 1 } }]);
      },
    );

    it('that is shorter than its tokens would last has nothing remaining either', async () => {
      await bootQuota();
      await limiter.block(quota, 'all', { forMs: 400 });
      const refusal = await running.request('/cats');
      expect([refusal.status, refusal.headers.get('retry-after')]).toEqual([429, '1']);
      expect(members(refusal)).toEqual({ quota: { r: 0, t: 1 } });
      jest.advanceTimersByTime(400);
      // At its end it is full at most.
      expect(members(await running.request('/cats'))).toEqual({ quota: { r: 9, t: 1 } });
    });

    it('that nobody knows the end of has no Retry-After, until it is lifted', async () => {
      await bootQuota();
      await limiter.block(quota, 'all');
      const refusal = await running.request('/cats');
      expect([refusal.status, refusal.headers.get('retry-after')]).toEqual([429, null]);
      expect(members(refusal)).toMatchObject({ quota: { r: 0 } });
      const problem = (await refusal.json()) as Record<string, unknown>;
      expect([problem.detail, problem['retry-after-ms']]).toEqual([
        expect.stringContaining('the limit is blocked until further notice'),
        undefined,
      ]);
      await limiter.unblock(quota, 'all');
      expect((await running.request('/cats')).status).toBe(200);
    });
  });
});
