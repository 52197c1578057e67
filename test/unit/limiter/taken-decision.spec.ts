import { beforeEach, describe, expect, it } from '@jest/globals';
import { type Decision, leakyBucket, type RateLimiterService, tokenBucket } from '../../../lib/index.js';
import { MemoryStore } from '../../../lib/stores/memory/memory.store.js';
import { KernelStore } from '../../../lib/testing/kernel.store.js';
import { ManualClock } from '../../support/manual-clock.js';
import { expectMistake } from '../../support/mistake.js';
import { serviceOn } from '../../support/service.js';

const quota = tokenBucket({ name: 'quota', capacity: 10, rate: '1/h' });
const other = tokenBucket({ name: 'other', capacity: 10, rate: '1/h' });

let service: RateLimiterService;
let clock: ManualClock;

beforeEach(() => {
  clock = new ManualClock(1);
  ({ service } = serviceOn(new MemoryStore({ maxKeys: 100, clock: clock.read })));
});

const left = async () => (await service.peek(quota, 'ada', { cost: 0 })).remaining;
const take = () => service.consume(quota, 'ada', { cost: 3 });

describe('a report with the decision that it answers', () => {
  const takes: [string, () => Promise<Decision>][] = [
    ['consume', take],
    [
      'consumeAll',
      async () => (await service.consumeAll([{ policy: quota, key: 'ada', cost: 3 }])).decisions[0]!,
    ],
    ['consumeAny', async () => (await service.consumeAny([{ policy: quota, key: 'ada', cost: 3 }])).decision],
    ['acquire', () => service.acquire(quota, 'ada', { cost: 3 })],
    ['acquireAny', async () => (await service.acquireAny([{ policy: quota, key: 'ada', cost: 3 }])).decision],
    ['run', () => service.run(quota, 'ada', (decision) => decision, { cost: 3 })],
  ];

  it.each(takes)('of %s is believed: it may give tokens back', async (_, ask) => {
    const decision = await ask();
    expect(await left()).toBe(7);
    const answer = await service.sync(quota, 'ada', { remaining: 9, decision });
    // What a peek of cost 1 would say.
    expect([await left(), answer.remaining, answer.allowed]).toEqual([9, 8, true]);
  });

  it('takes what was sent after it from what remains', async () => {
    const decision = await take();
    await take();
    await service.sync(quota, 'ada', { remaining: 9, decision });
    expect(await left()).toBe(6);
  });

  it('may only take tokens away where others hold some, which they may have spent since', async () => {
    const store = new KernelStore(clock.read);
    ({ service } = serviceOn(store));
    const { scale, capacity } = quota.limit!;
    await store.lease('quota:{ada}', { id: 'other', total: 0, wanted: 4, ttlMicros: 1e9, scale, capacity });
    const alone = await take();
    const stacked = await service.consumeAll([{ policy: quota, key: 'ada', cost: 3 }]);
    expect(await left()).toBe(0);
    for (const decision of [alone, stacked.decisions[0]!]) {
      await service.sync(quota, 'ada', { remaining: 9, decision });
      expect(await left()).toBe(0);
    }
  });

  it('is late where a newer one was reported, and may only take tokens away', async () => {
    // From the first report on what is taken is counted.
    await service.sync(quota, 'ada', { remaining: 10 });
    const [first, second] = [await take(), await take()];
    await service.sync(quota, 'ada', { remaining: 2, decision: second });
    await service.sync(quota, 'ada', { remaining: 9, decision: first });
    expect(await left()).toBe(2);
    await service.sync(quota, 'ada', { remaining: 4, decision: first });
    expect(await left()).toBe(1);
  });
});

describe('the first report', () => {
  it('is believed where it answers the newest take, and a late one of before only takes tokens away', async () => {
    const [first, second] = [await take(), await take()];
    await service.sync(quota, 'ada', { remaining: 6, decision: second });
    expect(await left()).toBe(6);
    await service.sync(quota, 'ada', { remaining: 9, decision: first });
    expect(await left()).toBe(6);
  });

  it('gives nothing back where the bucket may have been full since its take', async () => {
    const decision = await take();
    clock.now += 3 * 3_600_000_000;
    await service.consume(quota, 'ada', { cost: 2 });
    await service.sync(quota, 'ada', { remaining: 10, decision });
    expect(await left()).toBe(8);
  });
});

describe('a decision that does not remember what it has taken is as good as none:', () => {
  const forgetful: [string, (decision: Decision) => Decision | undefined][] = [
    ['a copy', (decision) => ({ ...decision })],
    ['one that was sent somewhere', (decision) => JSON.parse(JSON.stringify(decision))],
    ['a structured clone', (decision) => structuredClone(decision)],
    ['one that inherits', (decision) => Object.create(decision)],
    ['none', () => undefined],
  ];

  it.each(forgetful)('%s is accepted, and the report may only take tokens away', async (_, forget) => {
    const decision = forget(await take());
    await service.sync(quota, 'ada', { remaining: 9, decision });
    expect(await left()).toBe(7);
    await service.sync(quota, 'ada', { remaining: 5, decision });
    expect(await left()).toBe(5);
  });

  it.each([
    ['peek', () => service.peek(quota, 'ada')],
    ['a refusal', () => take().then(take).then(take)],
    ['sync', () => service.sync(quota, 'ada', {})],
  ])('that of %s', async (_, ask) => {
    await take();
    const before = await left();
    const decision = await ask();
    const now = await left();
    await service.sync(quota, 'ada', { remaining: 10, decision });
    expect([before, await left()]).toEqual([7, now]);
  });
});

it('looks like any decision, and says nothing of what it remembers', async () => {
  const decision = await take();
  expect({ ...decision }).toEqual({
    allowed: true,
    policy: 'quota',
    key: 'ada',
    limit: 10,
    remaining: 7,
    retryAfterMs: 0,
    resetAfterMs: 3 * 3_600_000,
    delayMs: 0,
    source: 'memory',
  });
  expect(Object.keys(JSON.parse(JSON.stringify(decision)))).toEqual(Object.keys({ ...decision }));
});

it('in a line a report gives nothing back: places were promised', async () => {
  const line = leakyBucket({ name: 'line', capacity: 10, rate: '1/h' });
  const decision = await service.consume(line, 'ada', { cost: 3 });
  await service.sync(line, 'ada', { remaining: 9, decision });
  expect((await service.peek(line, 'ada', { cost: 0 })).remaining).toBe(7);
});

describe('a decision of another bucket is a mistake, and nothing is noted:', () => {
  it.each([
    ['policy', () => service.consume(other, 'ada'), 'the decision is of \'other\' and "ada" (string)'],
    ['key', () => service.consume(quota, 'bob'), 'the decision is of \'quota\' and "bob" (string)'],
  ])('of another %s', async (_, ask, value) => {
    const decision = await ask();
    await expectMistake(() => service.sync(quota, 'ada', { remaining: 0, decision }), {
      code: 'INVALID_OPTION',
      place: 'RateLimiterService.sync: ',
      value,
      fix: 'report to the bucket that the request was taken from',
    });
    expect(await left()).toBe(10);
  });
});
