import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  leakyBucket,
  RateLimitExceededError,
  type RateLimiterService,
  tokenBucket,
} from '../../../lib/index.js';
import { NewKeys } from '../../../lib/limiter/new-keys.js';
import { RecentKeys } from '../../../lib/limiter/recent-keys.js';
import { parseNewKeys } from '../../../lib/options/parse-new-keys.js';
import { MemoryStore } from '../../../lib/stores/memory/memory.store.js';
import { LateStore } from '../../support/late-store.js';
import { ManualClock } from '../../support/manual-clock.js';
import { serviceOn } from '../../support/service.js';

const chat = tokenBucket({ name: 'chat', capacity: 2, rate: '1/h' });
const sms = tokenBucket({ name: 'sms', capacity: 2, rate: '1/h' });
const mail = leakyBucket({ name: 'mail', capacity: 5, rate: '1/min' });
const trial = tokenBucket({ name: 'trial', capacity: 2, rate: '1/h', shadow: true });

let clock: ManualClock;
let store: LateStore;

beforeEach(() => {
  clock = new ManualClock(1_000_000);
  store = new LateStore(new MemoryStore({ maxKeys: 1000, clock: clock.read }));
});

/** A process that lets 3 keys of a policy be new at once, and then one in 10 s. */
function startProcess(maxKeys = 100): RateLimiterService {
  const limit = parseNewKeys({ capacity: 3, rate: '6/min' }, 'here')!;
  const newKeys = new NewKeys(store.asStore, { limit, maxKeys, clock: clock.read });
  return serviceOn(store.asStore, undefined, newKeys).service;
}

const allowed = async (service: RateLimiterService, keys: readonly string[], policy = chat) => {
  const told: boolean[] = [];
  for (const key of keys) told.push((await service.consume(policy, key)).allowed);
  return told;
};

describe('a limit on new keys', () => {
  it('refuses those that have no place, and asks no store; then lets as many come as the rate says', async () => {
    const service = startProcess();
    expect(await allowed(service, ['a', 'b', 'c'])).toEqual([true, true, true]);
    const before = store.decisions;
    expect(await service.consume(chat, 'd')).toMatchObject({
      ...{ allowed: false, policy: 'chat', key: 'd', limit: 2, remaining: 0, delayMs: 0 },
      ...{ retryAfterMs: 10_000, source: 'memory' },
    });
    expect(store.decisions).toBe(before);
    clock.now += 9_999_999;
    expect(await allowed(service, ['e'])).toEqual([false]);
    clock.now += 1;
    expect(await allowed(service, ['e', 'f'])).toEqual([true, false]);
  });

  it('never touches a key that it knows: not to let it pass, and not to refuse it', async () => {
    const service = startProcess();
    expect(await allowed(service, ['a', 'b', 'c', 'd'])).toEqual([true, true, true, false]);
    expect(await allowed(service, ['a', 'a', 'b'])).toEqual([true, false, true]);
    expect(await service.consume(chat, 'a')).toMatchObject({ allowed: false, retryAfterMs: 3_600_000 });
  });

  it('counts each policy for itself', async () => {
    const service = startProcess();
    await allowed(service, ['a', 'b', 'c']);
    expect(await allowed(service, ['a', 'b', 'c', 'd'], sms)).toEqual([true, true, true, false]);
  });

  it('takes no place for a key whose bucket another process has made', async () => {
    await allowed(startProcess(), ['a', 'b', 'c']);
    const service = startProcess();
    expect(await allowed(service, ['a', 'b', 'c', 'd', 'e', 'f'])).toEqual(Array(6).fill(true));
    expect(await allowed(service, ['g'])).toEqual([false]);
  });

  it('takes no place for what another limit refuses', async () => {
    const service = startProcess();
    await service.consume(sms, 'all', { cost: 2 });
    for (let i = 0; i < 10; i++) {
      const requests = [
        { policy: sms, key: 'all' },
        { policy: chat, key: `new-${i}` },
      ];
      expect(await service.consumeAll(requests)).toMatchObject({ allowed: false });
    }
    expect(await allowed(service, ['a', 'b', 'c'])).toEqual([true, true, true]);
  });

  it('takes nothing of any other limit, and no other place, where it refuses', async () => {
    const service = startProcess();
    await allowed(service, ['a', 'b', 'c']);
    await service.consume(sms, 'ada');
    const requests = [
      { policy: sms, key: 'ada' },
      { policy: sms, key: 'eve' },
      { policy: chat, key: 'eve' },
    ];
    const { allowed: all, decisions, tightest } = await service.consumeAll(requests);
    expect([all, ...decisions.map((decision) => decision.allowed)]).toEqual([false, true, true, false]);
    expect(tightest).toMatchObject({ policy: 'chat', retryAfterMs: 10_000 });
    expect((await service.peek(sms, 'ada')).remaining).toBe(0);
    expect(await allowed(service, ['x', 'y', 'z'], sms)).toEqual([true, true, false]);
  });

  it('takes all places for more keys at once than there are, and not for ever none', async () => {
    const service = startProcess();
    const many = ['a', 'b', 'c', 'd', 'e'].map((key) => ({ policy: chat, key }));
    expect((await service.consumeAll(many)).allowed).toBe(true);
    expect(await allowed(service, ['f'])).toEqual([false]);
  });

  it('takes no place where nothing is written: a peek, which says what a consume would, and a cost of 0', async () => {
    const service = startProcess();
    for (const key of ['p', 'q', 'r', 's']) {
      expect((await service.peek(chat, key)).allowed).toBe(true);
      expect((await service.consume(chat, key, { cost: 0 })).allowed).toBe(true);
    }
    expect(await allowed(service, ['a', 'b', 'c'])).toEqual([true, true, true]);
    expect(await service.peek(chat, 'd')).toMatchObject({ allowed: false, retryAfterMs: 10_000 });
    expect((await service.consume(chat, 'd', { cost: 0 })).allowed).toBe(true);
  });

  it('gives places back where the store fails', async () => {
    const service = startProcess();
    store.failure = new Error('gone');
    for (const key of ['p', 'q', 'r', 's']) await expect(service.consume(chat, key)).rejects.toThrow('gone');
    store.failure = undefined;
    expect(await allowed(service, ['a', 'b', 'c', 'd'])).toEqual([true, true, true, false]);
  });

  it('takes one place for a key that many requests bring at once', async () => {
    const service = startProcess();
    store.hold();
    const asked = [service.consume(chat, 'a'), service.consume(chat, 'a'), service.consume(chat, 'a')];
    store.deliver();
    expect((await Promise.all(asked)).map((decision) => decision.allowed)).toEqual([true, true, false]);
    expect(await allowed(service, ['b', 'c', 'd'])).toEqual([true, true, false]);
  });

  it('lets nobody wait for a place', async () => {
    const service = startProcess();
    await allowed(service, ['a', 'b', 'c'], mail);
    await expect(service.acquire(mail, 'd')).rejects.toThrow(RateLimitExceededError);
    expect(await service.consume(mail, 'e')).toMatchObject({
      allowed: false,
      delayMs: 0,
      retryAfterMs: 10_000,
    });
    expect(await service.consume(mail, 'a')).toMatchObject({ allowed: true, delayMs: 60_000 });
  });

  it('keeps no request out for a policy in shadow mode, and its key from the store', async () => {
    const service = startProcess();
    await allowed(service, ['a', 'b', 'c'], trial);
    const before = store.decisions;
    expect(await service.consume(trial, 'd')).toMatchObject({ allowed: true, shadow: 'refused' });
    expect(store.decisions).toBe(before);
  });

  it('leaves those alone of which one is picked', async () => {
    const service = startProcess();
    await allowed(service, ['a', 'b', 'c']);
    const requests = [
      { policy: chat, key: 'd' },
      { policy: chat, key: 'e' },
    ];
    expect(await service.consumeAny(requests)).toMatchObject({ allowed: true });
  });

  it('remembers so many keys, and takes older ones for new', async () => {
    const service = startProcess(4);
    await allowed(service, ['a', 'b', 'c']);
    clock.now += 3_600_000_000;
    expect(await allowed(service, ['d', 'e', 'f'])).toEqual([true, true, true]);
    // The bucket of `a` is full again, so nothing says that it was there.
    expect(await allowed(service, ['f', 'a'])).toEqual([true, false]);
  });
});

describe('recent keys', () => {
  it.each([1, 2, 3, 10, 1000])('are never more than %p, and at least the half that was met last', (most) => {
    for (let count = most; count < 2 * most + 5; count += Math.ceil(most / 5)) {
      const recent = new RecentKeys(most);
      const keys = Array.from({ length: count }, (_, i) => `key-${i}`);
      for (const key of keys) {
        recent.add(key);
        expect(recent.size).toBeLessThanOrEqual(most);
      }
      const half = keys.slice(-Math.ceil(most / 2));
      expect(half.filter((key) => !recent.has(key))).toEqual([]);
    }
  });

  it('stay while they are met', () => {
    const recent = new RecentKeys(10);
    recent.add('ada');
    for (let i = 0; i < 100; i++) {
      recent.add(`other-${i}`);
      expect(recent.has('ada')).toBe(true);
    }
  });
});
