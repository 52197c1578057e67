import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Decision, RateLimiterService, tokenBucket } from '../../lib/index.js';
import { bucketKey } from '../../lib/limiter/bucket-key.js';
import { bootApp, closeApps } from '../support/app.js';
import { hostileTexts } from '../support/hostile-texts.js';
import { closeClients, connect } from '../support/redis/clients.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';

const COUNT = 10_000;
/** What administrators are told of: no bucket. */
const FULLEST = 'floodgate:fullest:chat';
const keys = hostileTexts(COUNT);

/** One hash tag at the end; no white space, no controls and no other braces. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const WELL_FORMED = /^[^\s{}\u0000-\u001f\u007f-\u009f]+:\{[^\s{}\u0000-\u001f\u007f-\u009f]+\}$/;

const isHarmless = (name: string) =>
  WELL_FORMED.test(name) && name.length < 200 && Buffer.from(name).toString() === name;

describe('names of 10,000 hostile keys', () => {
  const names = keys.map((key) => bucketKey('chat', key));

  it('are as many', () => {
    expect(new Set(keys).size).toBe(COUNT);
    expect(new Set(names).size).toBe(COUNT);
  });

  it('are short, and hold nothing that a protocol could take for its own', () => {
    expect(names.filter((name) => !isHarmless(name))).toEqual([]);
  });
});

describe('10,000 hostile keys on a Redis server', () => {
  const chat = tokenBucket({ name: 'chat', capacity: 2, rate: '1/day' });
  let server: RedisServer;
  let limiter: RateLimiterService;

  beforeAll(async () => {
    server = await startRedis();
    const { app } = await bootApp({ rateLimit: { redis: connect(server.url), policies: [chat] } });
    limiter = app.get(RateLimiterService);
  });

  afterAll(async () => {
    await closeApps();
    await closeClients();
    await server.stop();
  });

  /** What each key is told, a thousand at a time. */
  async function each<T>(ask: (key: string) => Promise<T>): Promise<T[]> {
    const told: T[] = [];
    for (let i = 0; i < COUNT; i += 1000) {
      told.push(...(await Promise.all(keys.slice(i, i + 1000).map(ask))));
    }
    return told;
  }

  /** Those that were told something else; cut short, for a difference of megabytes takes minutes to print. */
  const odd = (decisions: Decision[], allowed: boolean, remaining: number) =>
    decisions.flatMap((told, i) => {
      const isRight = told.allowed === allowed && told.remaining === remaining && told.key === keys[i];
      return isRight ? [] : [`${told.key.slice(0, 50)}: ${told.allowed}, ${told.remaining}`];
    });

  it('have a full bucket each, and share none', async () => {
    expect(odd(await each((key) => limiter.peek(chat, key)), true, 1)).toEqual([]);
    expect(odd(await each((key) => limiter.consume(chat, key)), true, 1)).toEqual([]);
    expect(odd(await each((key) => limiter.consume(chat, key)), true, 0)).toEqual([]);
    expect(odd(await each((key) => limiter.consume(chat, key)), false, 0)).toEqual([]);
  });

  it('are as many keys of the server, each with a harmless name and an expiry', async () => {
    const client = connect(server.adminUrl);
    const names = (await client.keys('*')).filter((name) => name !== FULLEST);
    expect(names.length).toBe(COUNT);
    expect(names.filter((name) => !isHarmless(name) || !name.startsWith('floodgate:chat:{'))).toEqual([]);
    const expiries = await Promise.all(names.map((name) => client.pttl(name)));
    expect(expiries.filter((ms) => ms <= 0)).toEqual([]);
  });

  it('get back what they gave, and are forgotten one by one', async () => {
    expect((await each((key) => limiter.refund(chat, key, 1))).filter((found) => !found)).toEqual([]);
    expect(odd(await each((key) => limiter.consume(chat, key)), true, 0)).toEqual([]);
    expect((await each((key) => limiter.reset(chat, key))).filter((found) => !found)).toEqual([]);
    const left = await connect(server.adminUrl).keys('*');
    // Beside a bucket lies for a while that it was refunded, so that a call that is sent twice gives back once.
    expect(left.filter((name) => !/\}:g:[\w-]+$/.test(name))).toEqual([FULLEST]);
  });
});
