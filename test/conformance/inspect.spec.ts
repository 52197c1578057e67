import { describe, expect, it } from '@jest/globals';
import { leakyBucket, tokenBucket } from '../../lib/index.js';
import { Limiter } from '../../lib/limiter/limiter.js';
import { RedisStore } from '../../lib/stores/redis/redis.store.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import { ManualClock } from '../support/manual-clock.js';
import { useStores } from '../support/stores.js';

const stores = useStores();
const START = 4_000_000_000_000_000;

describe.each([...stores.names])('what buckets hold, on %s', (name) => {
  const policy = tokenBucket({ capacity: 10, rate: 5 });

  function start() {
    const clock = new ManualClock(START);
    const store = stores.make(name, clock);
    const limiter = new Limiter(store);
    const bucket = { placed: { id: 'chat', policy }, key: 'ada' };
    const state = async (by = policy) =>
      (await limiter.inspect([{ ...bucket, placed: { id: 'chat', policy: by } }]))[0];
    return { clock, store, limiter, bucket, state };
  }

  it('drains with the clock of the store, rounded against the client', async () => {
    const { clock, limiter, bucket, state } = start();
    await limiter.decide([{ ...bucket, cost: 4 }]);

    expect(await state()).toMatchObject({ missing: 4, remaining: 6, fullAfterMs: 800 });
    clock.now += 1;
    expect(await state()).toMatchObject({ missing: 4, remaining: 6, fullAfterMs: 800 });
    clock.now += 200_000;
    expect(await state()).toMatchObject({ missing: 3, remaining: 7, fullAfterMs: 600 });
    clock.now = START + 799_999;
    expect(await state()).toMatchObject({ missing: 1, remaining: 9, fullAfterMs: 1 });
    clock.now += 1;
    expect(await state()).toMatchObject({ missing: 0, remaining: 10, fullAfterMs: 0 });
  });

  it('is that of the policy, where that has changed; without fixed limits that of the record', async () => {
    const { limiter, bucket, state } = start();
    await limiter.decide([{ ...bucket, cost: 6 }]);

    expect(await state(tokenBucket({ capacity: 5, rate: 1 }))).toMatchObject({
      capacity: 5,
      missing: 6,
      remaining: 0,
    });
    expect(await state(leakyBucket({ limits: () => 'unlimited' }))).toMatchObject({
      capacity: undefined,
      missing: 6,
      remaining: undefined,
      fullAfterMs: 1200,
    });
  });

  it('of a clock that steps back is what it was', async () => {
    const { clock, limiter, bucket, state } = start();
    await limiter.decide([{ ...bucket, cost: 4 }]);
    await limiter.sync(bucket, { retryAfterMs: 5000 });
    clock.now -= 60_000_000;

    expect(await state()).toMatchObject({ missing: 4, remaining: 0, fullAfterMs: 800, blockedForMs: 5000 });
  });

  it('of many is told in the order asked', async () => {
    const { limiter, bucket } = start();
    const keys = Array.from({ length: 70 }, (_, i) => `key-${i}`);
    for (const [i, key] of keys.entries()) await limiter.decide([{ ...bucket, key, cost: i % 10 }]);
    const states = await limiter.inspect(keys.map((key) => ({ ...bucket, key })));

    expect(states.map(({ key, missing }) => [key, missing])).toEqual(keys.map((key, i) => [key, i % 10]));
    expect(await limiter.inspect([])).toEqual([]);
  });
});

describe('what Redis remembers of a policy', () => {
  const remembered = async () => {
    const clock = new ManualClock(START);
    const prefix = freshPrefix('remember');
    return { clock, prefix, store: new RedisStore(stores.client(), { prefix, clock: clock.read }) };
  };

  it('is at most a thousand buckets: those that are full latest', async () => {
    const { store } = await remembered();
    const bucket = (i: number) => ({ bucket: `chat:{${i}}`, fullAfterMs: 1000 + i });
    await store.remember(
      'chat',
      Array.from({ length: 600 }, (_, i) => bucket(i)),
    );
    await store.remember(
      'chat',
      Array.from({ length: 600 }, (_, i) => bucket(600 + i)),
    );

    const names = await store.bucketsOf('chat');
    expect(names).toHaveLength(1000);
    expect(names[0]).toBe('chat:{1199}');
    expect(names.at(-1)).toBe('chat:{200}');
    expect(await store.bucketsOf('other')).toEqual([]);
  });

  it('ends when the last of them is full', async () => {
    const { clock, prefix, store } = await remembered();
    await store.remember('chat', [
      { bucket: 'chat:{a}', fullAfterMs: 1000 },
      { bucket: 'chat:{b}', fullAfterMs: 5000.5 },
    ]);
    expect(await stores.admin().pexpiretime(`${prefix}:fullest:chat`)).toBe(START / 1000 + 5001);

    clock.now += 2_000_000;
    await store.remember('chat', [{ bucket: 'chat:{c}', fullAfterMs: 10 }]);
    expect(await store.bucketsOf('chat')).toEqual(['chat:{b}', 'chat:{c}']);
  });

  it('takes any time until full', async () => {
    const { store } = await remembered();
    await store.remember('chat', [{ bucket: 'chat:{a}', fullAfterMs: Number.MAX_SAFE_INTEGER }]);
    expect(await store.bucketsOf('chat')).toEqual(['chat:{a}']);
  });
});
