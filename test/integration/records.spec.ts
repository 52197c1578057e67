import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { leakyBucket, tokenBucket } from '../../lib/options/make-policy.js';
import type { Policy } from '../../lib/options/policy.js';
import { RedisStore } from '../../lib/stores/redis/redis.store.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import { type Asker, ask } from '../support/limits.js';
import { ManualClock } from '../support/manual-clock.js';
import { closeClients, connect } from '../support/redis/clients.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';

const SECOND = 1_000_000;

let server: RedisServer;
let client: ReturnType<typeof connect>;
let admin: ReturnType<typeof connect>;
let clock: ManualClock;
let prefix: string;
let asker: Asker;

beforeAll(async () => {
  server = await startRedis();
  client = connect(server.url);
  admin = connect(server.adminUrl);
});

afterAll(async () => {
  await closeClients();
  await server.stop();
});

beforeEach(() => {
  clock = new ManualClock(Date.UTC(2100, 0) * 1000);
  prefix = freshPrefix('records');
  asker = ask(new RedisStore(client, { prefix, clock: clock.read }));
});

const nameOf = (policy: Policy, key: string) => `${prefix}:${policy.name}:{${key}}`;
const bytes = async (policy: Policy, key = 'ada') => ({
  value: await admin.getBuffer(nameOf(policy, key)),
  expiry: await admin.pexpiretime(nameOf(policy, key)),
});

describe('a refusal', () => {
  it('leaves the bytes and the expiry of the bucket as they are', async () => {
    for (const make of [tokenBucket, leakyBucket]) {
      const policy = make({ name: make.name, capacity: 5, rate: '7/s' });
      await asker.take(policy, 'ada', 4);
      const before = await bytes(policy);
      clock.now += 123_457;
      expect(await asker.take(policy, 'ada', 3)).toMatchObject({ allowed: false });
      expect(await asker.take(policy, 'ada', 9)).toMatchObject({ allowed: false, retryAfterMs: null });
      expect(await asker.peek(policy, 'ada', 1)).toMatchObject({ allowed: true });
      expect(await asker.take(policy, 'ada', 0)).toMatchObject({ allowed: true });
      expect(await bytes(policy)).toEqual(before);
    }
  });

  it('by the third of three limits charges none of them, nor a bucket that was full', async () => {
    const [ip, user, all] = ['ip', 'user', 'all'].map((name) => tokenBucket({ name, capacity: 5, rate: 1 }));
    await asker.take(ip!, 'ada', 2);
    await asker.take(all!, 'ada', 5);
    const before = await Promise.all([ip!, user!, all!].map((policy) => bytes(policy)));
    expect(before[1]!.value).toBeNull();
    clock.now += 10_000;
    const decisions = await asker.takeAll([ip!, 'ada'], [user!, 'ada'], [all!, 'ada']);
    expect(decisions.map(({ allowed }) => allowed)).toEqual([true, true, false]);
    expect(decisions.map(({ remaining }) => remaining)).toEqual([3, 5, 0]);
    expect(await Promise.all([ip!, user!, all!].map((policy) => bytes(policy)))).toEqual(before);
  });
});

describe('the expiry', () => {
  const capacity = 60;
  const fullTimeMs = 60_000;
  const policy = tokenBucket({ name: 'expiry', capacity, rate: 1 });
  const missingMs = async () => (await asker.peek(policy, 'ada', 0)).resetAfterMs;
  const untilExpiryMs = async () => (await admin.pexpiretime(nameOf(policy, 'ada'))) - clock.now / 1000;

  const writes: [string, () => Promise<unknown>][] = [
    ['the first take', () => asker.take(policy, 'ada', 1)],
    ['a take of all', () => asker.take(policy, 'ada', capacity)],
    ['a second take', () => asker.take(policy, 'ada', 2).then(() => asker.take(policy, 'ada', 3))],
    ['a refund', () => asker.take(policy, 'ada', 50).then(() => asker.refund(policy, 'ada', 17))],
    [
      're-basing',
      async () => {
        await asker.take(policy, 'ada', 30);
        clock.now -= 1000 * SECOND;
        await asker.peek(policy, 'ada');
      },
    ],
    [
      'a take that changes the policy',
      async () => {
        const slower = tokenBucket({ name: 'expiry', capacity, rate: '1/7s' });
        await asker.take(slower, 'ada', 30);
        clock.now += SECOND;
        await asker.take(policy, 'ada', 1);
      },
    ],
  ];

  it.each(writes)(
    'after %s lies at the time when the bucket is full, or up to an eighth later',
    async (_, write) => {
      await write();
      const [left, missing] = [await untilExpiryMs(), await missingMs()];
      expect(missing).toBeGreaterThan(0);
      expect(left).toBeGreaterThanOrEqual(missing);
      expect(left).toBeLessThanOrEqual(missing + fullTimeMs / 8);
    },
  );

  it('is never missing, not at sub-second, fractional and yearly rates', async () => {
    for (const rate of ['1/250ms', 0.1, '1/day', '1/365d', 1e6]) {
      const odd = tokenBucket({ name: `rate-${rate}`.replace('/', '-'), capacity: 3, rate });
      await asker.take(odd, 'ada');
      const left = (await admin.pexpiretime(nameOf(odd, 'ada'))) - clock.now / 1000;
      expect(left).toBeGreaterThanOrEqual((await asker.peek(odd, 'ada', 0)).resetAfterMs);
    }
  });
});

describe('giving back', () => {
  const policy = tokenBucket({ name: 'refund', capacity: 10, rate: 1 });

  it('lowers the level in the record, and a full bucket is no record', async () => {
    await asker.take(policy, 'ada', 7);
    expect(await asker.refund(policy, 'ada', 3)).toBe(true);
    expect(await asker.peek(policy, 'ada', 0)).toMatchObject({ remaining: 6 });
    expect(await asker.refund(policy, 'ada', 100)).toBe(true);
    expect(await admin.exists(nameOf(policy, 'ada'))).toBe(0);
    expect(await asker.refund(policy, 'ada', 1)).toBe(false);
  });

  it('never moves the places of those who wait', async () => {
    const line = leakyBucket({ name: 'line', capacity: 10, rate: 1 });
    await asker.take(line, 'ada', 3);
    expect(await asker.refund(line, 'ada', 1)).toBe(false);
    expect(await asker.take(line, 'ada')).toMatchObject({ delayMs: 3000 });
  });

  it('reset forgets the bucket', async () => {
    await asker.take(policy, 'ada', 10);
    expect(await asker.reset(policy, 'ada')).toBe(true);
    expect(await asker.reset(policy, 'ada')).toBe(false);
    expect(await asker.take(policy, 'ada')).toMatchObject({ remaining: 9 });
  });
});

describe('a key that holds something else', () => {
  it.each([
    ['a text', () => admin.set(`${prefix}:second:{ada}`, 'hello')],
    ['a hash', () => admin.hset(`${prefix}:second:{ada}`, 'a', '1')],
  ])('%s fails the call as a whole, and is not overwritten', async (_, occupy) => {
    await occupy();
    const [first, second] = ['first', 'second'].map((name) => tokenBucket({ name, capacity: 5, rate: 1 }));
    await expect(asker.takeAll([first!, 'ada'], [second!, 'ada'])).rejects.toThrow(
      /second:\{ada\}|WRONGTYPE/,
    );
    expect(await admin.exists(`${prefix}:first:{ada}`)).toBe(0);
    expect(await admin.exists(`${prefix}:second:{ada}`)).toBe(1);
  });

  it.each([1, 0])(
    'a hash that is asked for %i tokens leaves the other buckets as they were',
    async (cost) => {
      await admin.hset(`${prefix}:second:{ada}`, 'a', '1');
      const [first, second] = ['first', 'second'].map((name) => tokenBucket({ name, capacity: 5, rate: 1 }));
      await expect(asker.takeAll([first!, 'ada'], [second!, 'ada', cost])).rejects.toThrow('WRONGTYPE');
      expect(await admin.exists(`${prefix}:first:{ada}`)).toBe(0);
    },
  );
});
