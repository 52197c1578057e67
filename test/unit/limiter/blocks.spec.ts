import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type Decision, leakyBucket, RateLimitExceededError, tokenBucket } from '../../../lib/index.js';
import { Blocks } from '../../../lib/limiter/waiting/blocks.js';
import { MemoryStore } from '../../../lib/stores/memory/memory.store.js';
import { LateStore } from '../../support/late-store.js';
import { type ServiceProcess, serviceOn } from '../../support/service.js';

const { advanceTimersByTimeAsync: advance } = jest;

/** A slot each 100 ms. */
const line = leakyBucket({ name: 'line', capacity: 20, rate: 10 });
const tokens = tokenBucket({ name: 'tokens', capacity: 1, rate: 1 });

let late: LateStore;
let here: ServiceProcess;
/** Another process on the same store. */
let there: ServiceProcess;
let began: number;
let log: unknown[];

beforeEach(() => {
  jest.useFakeTimers();
  // The store's clock is that of the process: both are moved together.
  const store = new MemoryStore({ maxKeys: 100 });
  late = new LateStore(store);
  [here, there] = [serviceOn(late.asStore), serviceOn(store)];
  began = performance.now();
  log = [];
});

afterEach(() => {
  jest.useRealTimers();
});

const elapsed = () => performance.now() - began;
const isExceeded = (error: unknown): error is RateLimitExceededError =>
  error instanceof RateLimitExceededError;

/** Notes when a wait ends, or at once what it is refused with. */
function note(name: unknown, waiting: Promise<unknown>): void {
  waiting.then(
    () => log.push([name, elapsed()]),
    (error: Error & { code?: string }) => log.push([name, elapsed(), error?.code ?? error?.name ?? error]),
  );
}

/** So many callers, named by their numbers, each in line. */
async function enter(count: number, options = {}): Promise<void> {
  for (let i = 0; i < count; i++) note(i, here.service.acquire(line, 'all', options));
  await advance(0);
}

/** How long the line is, in milliseconds. */
const lineMs = async () => (await there.service.peek(line, 'all', { cost: 0 })).resetAfterMs;

describe('those who wait inside a block take another place, in the order of their turns', () => {
  const block = { retryAfterMs: 250 };
  const tellAll = [{ policy: line, key: 'all' }];
  const ways: [string, number, () => Promise<unknown>][] = [
    ['sync of this process', 0, () => here.service.sync(line, 'all', block)],
    ['block of this process', 0, () => here.service.block(line, 'all', { forMs: 250 })],
    ['a report without news', 0, () => here.service.sync(line, 'all', { remaining: 20 })],
    ['peek', 0, () => here.service.peek(line, 'all')],
    // These have taken a place themselves, before the others ask anew.
    ['consume', 1, () => here.service.consume(line, 'all')],
    ['consumeAll', 1, () => here.service.consumeAll(tellAll)],
    ['consumeAny', 1, () => here.service.consumeAny(tellAll)],
    ['acquire', 1, async () => void here.service.acquire(line, 'all')],
    ['acquireAny', 1, async () => void here.service.acquireAny(tellAll)],
    ['schedule', 1, () => here.service.schedule(line, 'all', () => undefined)],
  ];

  it.each(ways)('when it is learned of by %s; those behind it stay', async (_, placesBefore, learn) => {
    await enter(6);
    await there.service.sync(line, 'all', block);
    await learn();
    await advance(2000);
    const next = 600 + 100 * placesBefore;
    const stayed = [300, 400, 500].map((time, i) => [i + 3, time]);
    expect(log).toEqual([[0, 0], ...stayed, [1, next], [2, next + 100]]);
  });

  it('also where they share the end of the block, and each reply tells the time a little otherwise', async () => {
    const burst = tokenBucket({ name: 'burst', capacity: 20, rate: 100 });
    const store = new MemoryStore({ maxKeys: 100 });
    let replies = 0;
    const decide: MemoryStore['decide'] = (transactions) =>
      store
        .decide(transactions)
        .map((reply) => ({ ...reply, decidedAt: reply.decidedAt - ((replies++ * 7) % 10) / 100 }));
    const { service } = serviceOn(
      new Proxy(store, {
        get: (_, method: keyof MemoryStore) =>
          method === 'decide'
            ? decide
            : method === 'decidePlain'
              ? undefined
              : (store[method] as (() => void) | undefined)?.bind(store),
      }),
    );
    await service.consume(burst, 'all', { cost: 20 });
    for (let i = 0; i < 20; i++) note(i, service.acquire(burst, 'all', { maxWaitMs: 60_000 }));
    await advance(0);
    await service.sync(burst, 'all', { retryAfterMs: 1000 });
    await service.sync(burst, 'all', { retryAfterMs: 1500 });
    await advance(5000);
    expect(log.map((entry) => (entry as unknown[])[0])).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  it('very many of them over several turns of the event loop', async () => {
    const long = leakyBucket({ name: 'long', capacity: 5000, rate: 1000 });
    for (let i = 0; i < 1200; i++) note(i, here.service.acquire(long, 'all'));
    await advance(0);
    late.decisions = 0;
    await here.service.sync(long, 'all', { retryAfterMs: 1200 });
    expect(late.decisions).toBe(500);
    await advance(5000);
    expect(late.decisions).toBe(1199);
    expect(log.map((entry) => (entry as unknown[])[0])).toEqual(Array.from({ length: 1200 }, (_, i) => i));
  });

  it('each with one call of the store', async () => {
    await enter(6);
    late.decisions = 0;
    await here.service.sync(line, 'all', block);
    await advance(2000);
    expect(late.decisions).toBe(2);
  });

  it('not those of another bucket', async () => {
    await enter(2);
    late.decisions = 0;
    await here.service.block(line, 'other', { forMs: 250 });
    await advance(100);
    expect([log, late.decisions]).toEqual([
      [
        [0, 0],
        [1, 100],
      ],
      0,
    ]);
  });

  it('not once more for a block that is known', async () => {
    await enter(3);
    await here.service.sync(line, 'all', block);
    late.decisions = 0;
    for (let i = 0; i < 5; i++) {
      await here.service.peek(line, 'all');
      await advance(10);
    }
    expect(late.decisions).toBe(5);
  });

  it('nor for one that nobody of this process has learned of', async () => {
    await enter(2);
    await there.service.sync(line, 'all', block);
    await advance(100);
    expect(log).toEqual([
      [0, 0],
      [1, 100],
    ]);
  });

  it('at a token bucket too: nobody starts before its end, and they are as far apart as before', async () => {
    await here.service.consume(tokens, 'ada');
    for (const name of ['a', 'b', 'c'])
      note(name, here.service.acquire(tokens, 'ada', { maxWaitMs: 60_000 }));
    await advance(500);
    await here.service.block(tokens, 'ada', { forMs: 5000 });
    await advance(10_000);
    expect(log).toEqual([
      ['a', 5500],
      ['b', 6500],
      ['c', 7500],
    ]);
  });
});

describe('a wait that is too long for a caller with the block', () => {
  it('ends with RateLimitExceededError at once, and nothing is taken', async () => {
    await enter(2, { maxWaitMs: 400 });
    const asked = here.service.acquire(line, 'all', { maxWaitMs: 400 }).catch((error: unknown) => error);
    await here.service.sync(line, 'all', { retryAfterMs: 500 });
    await advance(0);
    expect(log).toEqual([
      [0, 0],
      [1, 0, 'RateLimitExceededError'],
    ]);
    // No longer than the block: nobody stands behind it.
    expect(await lineMs()).toBe(500);
    const error = await asked;
    expect(isExceeded(error) && error.decision).toMatchObject({ allowed: false, retryAfterMs: 100 });
    expect(here.turns.waiting).toBe(0);
  });

  it.each([
    [1500, [['a', 2000]]],
    [1501, [['a', 500, 'RateLimitExceededError']]],
  ])('counts from when it was asked for: a block of %p ms', async (forMs, expected) => {
    await here.service.consume(tokens, 'ada');
    note('a', here.service.acquire(tokens, 'ada', { maxWaitMs: 2000 }));
    await advance(500);
    await here.service.block(tokens, 'ada', { forMs });
    await advance(5000);
    expect(log).toEqual(expected);
  });

  it.each([
    [
      500,
      [
        ['a', 0],
        ['b', 1000],
      ],
    ],
    [
      501,
      [
        ['a', 0],
        ['b', 500, 'RateLimitExceededError'],
      ],
    ],
  ])('counts so where the policy bounds it, too: a block of %p ms', async (forMs, expected) => {
    const slow = leakyBucket({ name: 'slow', capacity: 10, rate: '10/6s', maxWaitMs: 1000 });
    note('a', here.service.acquire(slow, 'all'));
    note('b', here.service.acquire(slow, 'all', { maxWaitMs: 60_000 }));
    await advance(500);
    // Without what is in line, the end of the block is the next slot.
    await there.service.reset(slow, 'all');
    await here.service.block(slow, 'all', { forMs });
    await advance(5000);
    expect(log).toEqual(expected);
  });

  it('is refused where the line behind the block is full', async () => {
    await enter(20);
    await here.service.sync(line, 'all', { retryAfterMs: 150 });
    await advance(2000);
    expect(log[1]).toEqual([1, 0, 'RateLimitExceededError']);
    expect(log.slice(2)).toEqual(Array.from({ length: 18 }, (_, i) => [i + 2, 200 + 100 * i]));
  });

  it('is refused by a block that nobody knows the end of', async () => {
    await enter(3);
    const decision = await here.service.block(line, 'all');
    await advance(0);
    const refused = [1, 2].map((name) => [name, 0, 'RateLimitExceededError']);
    expect([decision.retryAfterMs, log]).toEqual([null, [[0, 0], ...refused]]);
    const error = await here.service.acquire(line, 'all').catch((reason: unknown) => reason);
    expect(isExceeded(error) && error.decision).toMatchObject({ allowed: false, retryAfterMs: null });
    expect(await here.service.consume(line, 'all')).toMatchObject({ allowed: false, retryAfterMs: null });
  });
});

describe('while the new place is asked for', () => {
  /** One waits, and its new place is on its way. */
  async function leaveBlock(options = {}): Promise<void> {
    await enter(2, options);
    late.hold();
    await here.service.sync(line, 'all', { retryAfterMs: 250 });
    await advance(0);
  }

  it('it goes on waiting, however late the answer comes', async () => {
    await leaveBlock();
    await advance(240);
    expect([log, here.turns.waiting]).toEqual([[[0, 0]], 1]);
    late.deliver();
    await advance(9);
    expect(log).toEqual([[0, 0]]);
    await advance(1);
    expect(log).toEqual([
      [0, 0],
      [1, 250],
    ]);
  });

  it('starts at once where the answer comes after the new turn', async () => {
    await leaveBlock();
    await advance(400);
    late.deliver();
    await advance(1);
    expect(log).toEqual([
      [0, 0],
      [1, 400],
    ]);
  });

  it('an aborted signal ends it, and the new place is given back', async () => {
    const controller = new AbortController();
    await leaveBlock({ signal: controller.signal });
    const taken = await lineMs();
    controller.abort('gone');
    await advance(0);
    expect([log, here.turns.waiting]).toEqual([
      [
        [0, 0],
        [1, 0, 'gone'],
      ],
      0,
    ]);
    late.deliver();
    await advance(0);
    expect([taken, await lineMs()]).toEqual([350, 250]);
  });

  it('a shutdown ends it, and the new place is given back', async () => {
    await leaveBlock();
    here.turns.close();
    await advance(0);
    expect(log).toEqual([
      [0, 0],
      [1, 0, 'SHUTTING_DOWN'],
    ]);
    late.deliver();
    await advance(0);
    expect(await lineMs()).toBe(250);
  });

  it('a store that fails ends it with the failure', async () => {
    await enter(2);
    late.failure = new Error('the store is gone');
    await here.service.sync(line, 'all', { retryAfterMs: 250 });
    await advance(0);
    expect([log, here.turns.waiting]).toEqual([
      [
        [0, 0],
        [1, 0, 'Error'],
      ],
      0,
    ]);
  });

  it('a later end of the block moves it once more', async () => {
    await leaveBlock();
    await here.service.sync(line, 'all', { retryAfterMs: 900 });
    late.deliver();
    await advance(899);
    expect(log).toEqual([[0, 0]]);
    await advance(1);
    expect(log).toEqual([
      [0, 0],
      [1, 900],
    ]);
  });
});

describe('a block that changes', () => {
  it('when it is extended moves those who wait behind its first end', async () => {
    await enter(2);
    await here.service.sync(line, 'all', { retryAfterMs: 250 });
    await advance(100);
    await here.service.sync(line, 'all', { retryAfterMs: 500 });
    await advance(1000);
    expect(log).toEqual([
      [0, 0],
      [1, 600],
    ]);
  });

  it('when it is extended at the same moment moves them behind the later end', async () => {
    await enter(4);
    const told = [250, 900, 500].map((retryAfterMs) => here.service.sync(line, 'all', { retryAfterMs }));
    await Promise.all(told);
    await advance(899);
    expect(log).toEqual([[0, 0]]);
    await advance(1000);
    // The first two had places behind the third by then.
    expect(log.map((entry) => (entry as number[])[0])).toEqual([0, 3, 1, 2]);
  });

  it('when an earlier end is reported changes nothing', async () => {
    await enter(2);
    await here.service.sync(line, 'all', { retryAfterMs: 500 });
    late.decisions = 0;
    await here.service.sync(line, 'all', { retryAfterMs: 250 });
    await advance(1000);
    expect([log, late.decisions]).toEqual([
      [
        [0, 0],
        [1, 500],
      ],
      0,
    ]);
  });

  it('when it is lifted lets those who come after start at once, and leaves places where they are', async () => {
    await enter(2);
    await here.service.block(line, 'all', { forMs: 800 });
    await advance(600);
    expect(await here.service.unblock(line, 'all')).toBe(true);
    // What is in line is the place behind the block, and the bucket is as full as that place says.
    note('new', here.service.acquire(line, 'all'));
    await advance(5000);
    expect(log).toEqual([
      [0, 0],
      [1, 800],
      ['new', 900],
    ]);
  });

  it('when it is lifted and set anew with an earlier end is news again', async () => {
    await here.service.block(tokens, 'ada', { forMs: 60_000 });
    expect(await there.service.unblock(tokens, 'ada')).toBe(true);
    note('a', here.service.acquire(tokens, 'ada'));
    note('b', here.service.acquire(tokens, 'ada', { maxWaitMs: 60_000 }));
    await advance(100);
    await there.service.block(tokens, 'ada', { forMs: 3000 });
    await here.service.peek(tokens, 'ada');
    await advance(10_000);
    expect(log).toEqual([
      ['a', 0],
      ['b', 3100],
    ]);
  });
});

describe('a place that was taken before a block was learned of, and is waited for afterwards', () => {
  it('is left for one behind it', async () => {
    await enter(1);
    note(1, here.service.acquire(line, 'all'));
    // In the same turn: the place is taken, nobody waits for it yet.
    const blocked = here.service.block(line, 'all', { forMs: 250 });
    expect(here.turns.waiting).toBe(0);
    await blocked;
    await advance(1000);
    expect(log).toEqual([
      [0, 0],
      [1, 250],
    ]);
  });

  it('is left, though another bucket of the same order is blocked for longer', async () => {
    const [a, b] = ['a', 'b'].map((name) => tokenBucket({ name, capacity: 1, rate: 1 }));
    const requests = [a!, b!].map((policy) => ({ policy, key: 'ada' }));
    await here.service.consume(a!, 'ada');
    await here.service.block(b!, 'ada');
    note('any', here.service.acquireAny(requests, { maxWaitMs: 60_000 }));
    const blocked = here.service.block(a!, 'ada', { forMs: 5000 });
    expect(here.turns.waiting).toBe(0);
    await blocked;
    await advance(10_000);
    expect(log).toEqual([['any', 5000]]);
  });
});

it('a wait that takes no place leaves a block all the same, for the end of the line behind it', async () => {
  await enter(3);
  note('asks', here.service.acquire(line, 'all', { cost: 0 }));
  await advance(0);
  await here.service.block(line, 'all', { forMs: 1000 });
  await advance(5000);
  expect(log.at(-1)).toEqual(['asks', 1200]);
});

describe('one of several buckets', () => {
  const [first, second] = ['first', 'second'].map((name) => tokenBucket({ name, capacity: 1, rate: 1 }));
  const requests = [first!, second!].map((policy) => ({ policy, key: 'ada' }));

  /** Somebody waits at the first for 1 s, where it would be longer at the other. */
  async function waitAtFirst(others: number): Promise<void> {
    await here.service.consumeAny(requests);
    await here.service.consumeAny(requests);
    for (let i = 0; i < others; i++) void there.service.acquire(second!, 'ada', { maxWaitMs: 60_000 });
    const any = here.service.acquireAny(requests, { maxWaitMs: 60_000 });
    note(
      'any',
      any.then(({ picked }) => log.push(picked)),
    );
    await advance(0);
  }

  it('that is blocked is left for another, and the answer says for which', async () => {
    await waitAtFirst(1);
    await here.service.block(first!, 'ada');
    await advance(5000);
    expect(log).toEqual([1, ['any', 2000]]);
  });

  it('is waited for behind its block where that is sooner', async () => {
    await waitAtFirst(3);
    await here.service.block(first!, 'ada', { forMs: 2500 });
    await advance(5000);
    expect(log).toEqual([0, ['any', 2500]]);
  });

  it('is refused where all are blocked, with the block that ends first', async () => {
    await here.service.consumeAny(requests);
    await here.service.consumeAny(requests);
    const waiting = here.service.acquireAny(requests, { maxWaitMs: 1000 }).catch((error: unknown) => error);
    await here.service.block(second!, 'ada');
    await here.service.block(first!, 'ada', { forMs: 3000 });
    const error = await waiting;
    expect(isExceeded(error) && error.decision).toMatchObject({ policy: 'first', retryAfterMs: 2000 });
    expect(isExceeded(error) && error.decisions.map(({ policy }) => policy)).toEqual(['first', 'second']);
    expect(String(error)).toContain("limit 'first' exceeded; retry after 2000 ms");
  });

  it('is refused at once with the wait that is shortest', async () => {
    await here.service.block(first!, 'ada');
    await here.service.block(second!, 'ada', { forMs: 3000 });
    const { decision, picked } = await here.service.consumeAny(requests);
    expect([picked, decision.policy, decision.retryAfterMs]).toEqual([undefined, 'second', 3000]);
    await expect(here.service.acquireAny(requests, { maxWaitMs: 0 })).rejects.toMatchObject({
      decision: { policy: 'second', retryAfterMs: 3000 },
    });
  });
});

describe('the task', () => {
  it('of run is handed the decision of the place that it has started at', async () => {
    await enter(1);
    const told: Decision[] = [];
    const done = here.service.run(line, 'all', (decision) => told.push(decision));
    await advance(0);
    await here.service.block(line, 'all', { forMs: 250 });
    await advance(250);
    await done;
    expect(told).toMatchObject([{ allowed: true, policy: 'line', key: 'all', delayMs: 250 }]);
  });

  it('of schedule moves too, after those who wait, and its progress tells so', async () => {
    await enter(2);
    const failures: unknown[] = [];
    const options = { onError: (error: unknown) => failures.push(error) };
    await here.service.schedule(line, 'all', () => log.push(['task', elapsed()]), options);
    await here.service.block(line, 'all', { forMs: 1000 });
    await advance(300);
    expect(here.service.progress(line, 'all')).toEqual({ waiting: 1, running: 0, nextStartMs: 800 });
    await advance(2000);
    expect([failures, log]).toEqual([
      [],
      [
        [0, 0],
        [1, 1000],
        ['task', 1100],
      ],
    ]);
  });

  it('of schedule is reported where it is refused', async () => {
    const failures: unknown[] = [];
    const options = { onError: (error: unknown) => failures.push(error), maxWaitMs: 500 };
    await enter(1);
    await here.service.schedule(line, 'all', () => log.push('task'), options);
    await here.service.block(line, 'all', { forMs: 501 });
    await advance(5000);
    expect([log, failures.map(isExceeded)]).toEqual([[[0, 0]], [true]]);
    expect(here.service.progress(line, 'all')).toEqual({ waiting: 0, running: 0, nextStartMs: null });
  });

  it('of schedule is no longer waited for by a shutdown, once it has moved beyond its time', async () => {
    const failures: { code?: string }[] = [];
    const onError = (error: unknown) => failures.push(error as { code?: string });
    await here.service.consume(tokens, 'ada');
    await here.service.schedule(tokens, 'ada', () => log.push('task'), { onError, maxWaitMs: 120_000 });
    note('drained', here.background.drain(5000));
    await advance(100);
    expect(log).toEqual([]);
    await here.service.block(tokens, 'ada', { forMs: 60_000 });
    await advance(0);
    expect([log, failures.map(({ code }) => code)]).toEqual([[['drained', 100]], ['SHUTTING_DOWN']]);
  });
});

describe('the blocks that a process knows', () => {
  const block = (end: number, order: number) => ({ end, until: end / 1000, order });
  let blocks: Blocks;
  let news: [string, number][];

  beforeEach(() => {
    blocks = new Blocks();
    news = [];
    blocks.onLearn((bucket, { end }) => news.push([bucket, end]));
  });

  it('are news once for each end', () => {
    blocks.learn('a', block(500, 1));
    blocks.learn('a', block(500, 2));
    blocks.learn('b', block(500, 3));
    blocks.learn('a', block(400, 4));
    expect(news).toEqual([
      ['a', 500],
      ['b', 500],
      ['a', 400],
    ]);
  });

  it('are told to whoever has asked before they were learned of', () => {
    blocks.learn('a', block(500, 2));
    expect([1, 2, 3].map((order) => blocks.since(order, 'a')?.end)).toEqual([500, undefined, undefined]);
    expect(blocks.since(1, 'b')).toBeUndefined();
  });

  it('are not changed by the reply to an earlier call that is read later', () => {
    blocks.learn('a', block(500, 2));
    blocks.forget('a', 1);
    blocks.learn('a', block(300, 1));
    expect([blocks.since(1, 'a')?.end, news]).toEqual([500, [['a', 500]]]);
    blocks.forget('a', 3);
    expect(blocks.since(1, 'a')).toBeUndefined();
  });

  it('are bounded: of 10,001 the first is forgotten', () => {
    for (let i = 0; i <= 10_000; i++) blocks.learn(`bucket-${i}`, block(500, 1));
    expect([0, 1, 10_000].map((i) => blocks.since(0, `bucket-${i}`)?.end)).toEqual([undefined, 500, 500]);
  });
});
