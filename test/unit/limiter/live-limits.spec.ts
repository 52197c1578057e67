import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Awaitable } from '../../../lib/common/awaitable.js';
import type { Bucket } from '../../../lib/limiter/charge.js';
import { LiveLimits } from '../../../lib/limiter/live-limits.js';
import { tokenBucket } from '../../../lib/options/make-policy.js';
import { MemoryStore } from '../../../lib/stores/memory/memory.store.js';

const declared = { capacity: 10, rate: '1/h' } as const;
const policy = tokenBucket({ name: 'chat', ...declared, cost: 2 });
const chat = { id: 'chat', policy };
const bucket: Bucket = { placed: chat, key: 'ada' };
const REFRESH_MS = 1000;

let now: number;
let errors: jest.SpiedFunction<Logger['error']>;
let logs: jest.SpiedFunction<Logger['log']>;

beforeEach(() => {
  now = 5000;
  errors = jest.spyOn(Logger.prototype, 'error').mockReturnValue();
  logs = jest.spyOn(Logger.prototype, 'log').mockReturnValue();
});
afterEach(() => {
  jest.restoreAllMocks();
});

/** A store whose answers come when the test says so, and are those of when it was asked. */
class SlowStore extends MemoryStore {
  readonly questions: { answer(): void; fail(): void }[] = [];

  constructor() {
    super({ maxKeys: 1 });
  }

  override readLimits(): never {
    const texts = super.readLimits();
    return new Promise((resolve, reject) => {
      this.questions.push({
        answer: () => resolve(texts),
        fail: () => reject(new Error('no connection')),
      });
    }) as never;
  }
}

const on = (store: MemoryStore, refreshMs = REFRESH_MS) => new LiveLimits(store, refreshMs, () => now);

const capacityOf = async (buckets: Awaitable<readonly Bucket[]>) =>
  (await buckets)[0]?.limit?.capacity ?? policy.capacity;

describe('limits that were set', () => {
  it('take the place of those that are declared, until they are cleared', async () => {
    const live = on(new MemoryStore({ maxKeys: 1 }));
    expect(await live.of(chat, 'place')).toEqual({ ...declared, live: false });
    await live.set(chat, { capacity: 20, rate: 0.1 }, 'place');
    expect(await live.of(chat, 'place')).toEqual({ capacity: 20, rate: 0.1, live: true });
    expect(await capacityOf(live.apply([bucket]))).toBe(20);
    expect([await live.clear(chat, 'place'), await live.clear(chat, 'place')]).toEqual([true, false]);
    expect(await live.of(chat, 'place')).toEqual({ ...declared, live: false });
    expect(await capacityOf(live.apply([bucket]))).toBe(10);
  });

  it('count for a bucket that was read with earlier ones', async () => {
    const live = on(new MemoryStore({ maxKeys: 1 }));
    await live.set(chat, { capacity: 20, rate: 1 }, 'place');
    const [before] = await live.apply([bucket]);
    await live.clear(chat, 'place');
    expect(await capacityOf(live.apply([before!]))).toBe(10);
  });

  it('are there at once where the store is in this process', () => {
    const live = on(new MemoryStore({ maxKeys: 1 }));
    expect(live.apply([bucket])).toEqual([bucket]);
  });

  it('of others are known to who was asking while some were set here', async () => {
    const store = new SlowStore();
    store.writeLimits('chat', JSON.stringify({ capacity: 20, rate: 1 }));
    const live = on(store);
    const mail = { id: 'mail', policy: tokenBucket({ name: 'mail', ...declared }) };
    const asked = capacityOf(live.apply([bucket]));
    await live.set(mail, { capacity: 30, rate: 1 }, 'place');
    store.questions[0]!.answer();
    expect(await asked).toBe(20);
    // What was set meanwhile is not in that answer, so the next asks again.
    const next = capacityOf(live.apply([{ placed: mail, key: 'ada' }]));
    store.questions[1]!.answer();
    expect(await next).toBe(30);
  });

  it('are asked for in time, though an earlier question fails late', async () => {
    const store = new SlowStore();
    const live = on(store);
    const first = live.apply([bucket]);
    now += REFRESH_MS + 1;
    const second = live.apply([bucket]);
    store.questions[1]!.answer();
    await second;
    now += REFRESH_MS;
    store.questions[0]!.fail();
    await first;
    expect(errors).not.toHaveBeenCalled();
    expect(await live.apply([bucket])).toHaveLength(1);
    now += 1;
    void live.apply([bucket]);
    expect(store.questions).toHaveLength(3);
  });

  it('are not asked for where none can be set', () => {
    const store = new SlowStore();
    const live = on(store);
    const nameless = { placed: { id: 'Cats.find', policy: tokenBucket({ ...declared }) } };
    const perRequest = {
      placed: { id: 'plan', policy: tokenBucket({ name: 'plan', limits: () => declared }) },
    };
    const buckets = [nameless, perRequest];

    expect(live.apply(buckets)).toBe(buckets);
    expect(store.questions).toHaveLength(0);
  });
});

describe('what the store says', () => {
  it('is kept for a time, and asked again by the first decision after it', async () => {
    const store = new MemoryStore({ maxKeys: 1 });
    const read = jest.spyOn(store, 'readLimits');
    const live = on(store);
    await live.apply([bucket]);
    store.writeLimits('chat', '{"capacity":30,"rate":1}');
    now += REFRESH_MS;
    expect(await capacityOf(live.apply([bucket]))).toBe(10);
    expect(read).toHaveBeenCalledTimes(1);
    now += 1;
    expect(await capacityOf(live.apply([bucket]))).toBe(30);
    expect(read).toHaveBeenCalledTimes(2);
  });

  it('is asked for before every decision where nothing is kept', async () => {
    const store = new MemoryStore({ maxKeys: 1 });
    const live = on(store, 0);
    for (const capacity of [5, 6, 7]) {
      store.writeLimits('chat', JSON.stringify({ capacity, rate: 1 }));
      now += 0.01;
      expect(await capacityOf(live.apply([bucket]))).toBe(capacity);
    }
  });

  it('is asked for once by all who wait for it', async () => {
    const store = new SlowStore();
    const live = on(store);
    store.writeLimits('chat', '{"capacity":7,"rate":1}');
    const waiting = Promise.all([1, 2, 3].map(() => capacityOf(live.apply([bucket]))));
    expect(store.questions).toHaveLength(1);
    store.questions[0]!.answer();
    expect(await waiting).toEqual([7, 7, 7]);
  });

  it('is asked for anew by who comes so late that the answer would be too old', async () => {
    const store = new SlowStore();
    const live = on(store);
    const early = capacityOf(live.apply([bucket]));
    now += REFRESH_MS + 1;
    store.writeLimits('chat', '{"capacity":7,"rate":1}');
    const late = capacityOf(live.apply([bucket]));
    expect(store.questions).toHaveLength(2);
    store.questions[1]!.answer();
    expect(await late).toBe(7);
    // The earlier answer has nothing to say any more.
    store.questions[0]!.answer();
    expect(await early).toBe(7);
  });

  it('before a change from here does not hide the change', async () => {
    const store = new SlowStore();
    const live = on(store);
    const early = live.apply([bucket]);
    await live.set(chat, { capacity: 7, rate: 1 }, 'place');
    store.questions[0]!.answer();
    await early;
    const after = capacityOf(live.apply([bucket]));
    store.questions[1]?.answer();
    expect(await after).toBe(7);
  });
});

describe('a store that fails', () => {
  it('leaves what is known in force, tells it once, and is asked again after a while', async () => {
    const store = new SlowStore();
    const live = on(store);
    store.writeLimits('chat', '{"capacity":7,"rate":1}');
    const ask = async (how: 'answer' | 'fail') => {
      now += REFRESH_MS + 1;
      const found = capacityOf(live.apply([bucket]));
      store.questions.at(-1)![how]();
      return found;
    };
    expect(await ask('answer')).toBe(7);
    store.deleteLimits('chat');
    for (let i = 0; i < 3; i++) {
      expect(await ask('fail')).toBe(7);
      now += REFRESH_MS;
      expect(await capacityOf(live.apply([bucket]))).toBe(7);
    }
    expect(store.questions).toHaveLength(4);
    expect(errors.mock.calls).toEqual([[expect.stringMatching(/cannot be read.*no connection/)]]);

    expect(await ask('answer')).toBe(10);
    expect(logs.mock.calls).toEqual([[expect.stringContaining('can be read again')]]);
    await ask('fail');
    expect(errors).toHaveBeenCalledTimes(2);
  });
});

describe('what is no limits of the policy', () => {
  it.each([
    ['{"capacity":0,"rate":1}', 'INVALID_CAPACITY'],
    ['{"capacity":10}', 'INVALID_RATE'],
    ['{"capacity":10,"rate":"5/week"}', 'INVALID_RATE'],
    ['{"capacity":10,"rate":1,"burst":5}', 'UNKNOWN_OPTION'],
    ['{"capacity":1,"rate":1}', 'COST_ABOVE_CAPACITY'],
    ['[10, 5]', 'INVALID_OPTION'],
    ['null', 'INVALID_OPTION'],
    ['10 per second', 'JSON'],
    ['', 'JSON'],
  ])('is ignored, and told once: %s', async (text, reason) => {
    const store = new MemoryStore({ maxKeys: 1 });
    store.writeLimits('chat', text);
    const live = on(store, 0);
    for (let i = 0; i < 3; i++) {
      now += 1;
      expect(await capacityOf(live.apply([bucket]))).toBe(10);
    }
    expect(await live.of(chat, 'place')).toEqual({ ...declared, live: false });
    expect(errors.mock.calls).toEqual([[expect.stringContaining(reason)]]);
    expect(errors.mock.calls[0]![0]).toContain(`'chat' cannot be used: ${JSON.stringify(text)}`);
  });
});
