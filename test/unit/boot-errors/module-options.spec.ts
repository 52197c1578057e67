import { afterEach, describe, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import {
  type RateLimitErrorCode,
  RateLimitModule,
  type RateLimitModuleOptions,
  type RateLimitOptionsFactory,
  TokenBucket,
  tokenBucket,
} from '../../../lib/index.js';
import { MemoryStore } from '../../../lib/stores/memory/memory.store.js';
import { bootApp, closeApps } from '../../support/app.js';
import { expectBootError } from '../../support/boot-error.js';
import { catsWith, moduleOf } from '../../support/routes.js';

afterEach(closeApps);

const PLACE = 'RateLimitModule.forRoot: ';
const limit = { capacity: 10, rate: 5 };
const nameless = tokenBucket(limit);
const chat = tokenBucket({ name: 'chat', ...limit });

type Row = readonly [options: unknown, value: string, fix: string, code?: RateLimitErrorCode];

const policies = 'write a list of tokenBucket({ … }) and leakyBucket({ … })';
const prefix = "write 1 to 128 characters without spaces and braces, as 'myapp'";
const redis = "write a URL as 'redis://localhost:6379', the options of ioredis, or a client";

const store = 'write an object that implements Store of nestjs-floodgate/store';
const memory = new MemoryStore({ maxKeys: 1 });

const rows: Row[] = [
  [null, 'the options are null', 'write {} or { redis: process.env.REDIS_URL }'],
  ['redis://localhost', 'the options are "redis://localhost" (string)', 'write {} or { redis'],
  [[chat], 'the options are Array (array)', 'write {} or { redis'],
  [
    { polices: [chat] },
    'there is no option "polices"',
    'write one of redis, prefix, partitions, crossSlot, memory',
    'UNKNOWN_OPTION',
  ],
  [{ ttl: 60, limit: 10 }, 'there is no option "ttl"', 'write one of redis', 'UNKNOWN_OPTION'],
  [{ crossSlot: 'no' }, 'crossSlot is "no" (string)', 'write true or false'],
  [{ redis: '' }, 'redis is "" (string)', redis],
  [{ redis: 6379 }, 'redis is 6379 (number)', redis],
  [{ redis: null }, 'redis is null', redis],
  [{ redis: false }, 'redis is false (boolean)', redis],
  [{ redis: ['redis://a'] }, 'redis is Array (array)', redis],
  [{ prefix: '' }, 'prefix is "" (string)', prefix],
  [{ prefix: 'my app' }, 'prefix is "my app" (string)', prefix],
  [{ prefix: '{app}' }, 'prefix is "{app}" (string)', prefix],
  [{ prefix: 'app\n' }, 'prefix is "app\\n" (string)', prefix],
  [{ prefix: 'a'.repeat(129) }, 'prefix is "aaaaaaaa', prefix],
  [{ prefix: 5 }, 'prefix is 5 (number)', prefix],
  [{ prefix: null }, 'prefix is null', prefix],
  [{ memory: 100 }, 'memory: the options are 100 (number)', 'write { maxKeys: 100_000 }'],
  [{ memory: null }, 'memory: the options are null', 'write { maxKeys: 100_000 }'],
  [{ memory: { max: 5 } }, 'memory: there is no option "max"', 'write one of maxKeys', 'UNKNOWN_OPTION'],
  [{ newKeys: 10 }, 'newKeys: the options are 10 (number)', "write { capacity: 10_000, rate: '1000/s' }"],
  [{ newKeys: {} }, 'newKeys: capacity is undefined', 'write an integer of at least 1', 'INVALID_CAPACITY'],
  [{ newKeys: { capacity: 5 } }, 'newKeys: rate is undefined', 'write a number above 0', 'INVALID_RATE'],
  [
    { newKeys: { rates: 5 } },
    'newKeys: there is no option "rates"',
    'write one of capacity, rate',
    'UNKNOWN_OPTION',
  ],
  [{ memory: { maxKeys: 0 } }, 'memory.maxKeys is 0 (number)', 'write an integer from 1 to 16777216'],
  [{ memory: { maxKeys: 1.5 } }, 'memory.maxKeys is 1.5 (number)', 'write an integer from 1'],
  [{ memory: { maxKeys: '5' } }, 'memory.maxKeys is "5" (string)', 'write an integer from 1'],
  [{ memory: { maxKeys: 2 ** 24 + 1 } }, 'memory.maxKeys is 16777217 (number)', 'write an integer from 1'],
  [{ store: null }, 'store is null without decide, refund, undo', store],
  [{ store: 'memory' }, 'store is "memory" (string) without decide', store],
  [{ store: { decide() {} } }, 'store is Object (object) without refund, undo', store],
  [{ store: MemoryStore }, 'store is MemoryStore (function) without decide', store],
  [
    { store: memory, redis: 'redis://a' },
    'store is MemoryStore (object) beside redis',
    'leave one of the two',
  ],
  [{ key: 'ip' }, 'key is "ip" (string)', 'write byIp() or (context) => …'],
  [{ key: null }, 'key is null', 'write byIp() or (context) => …'],
  [
    { headers: 'draft-7' },
    'headers is "draft-7" (string)',
    'write "standard" or "legacy" or "both" or "none"',
  ],
  [{ headers: true }, 'headers is true (boolean)', 'write "standard" or'],
  [{ headers: null }, 'headers is null', 'write "standard" or'],
  [
    { refusal: 'Slow down.' },
    'refusal: the options are "Slow down." (string)',
    "write { message: 'Slow down.' }",
  ],
  [{ refusal: null }, 'refusal: the options are null', 'write { message:'],
  [
    { refusal: { messages: 'Slow down.' } },
    'refusal: there is no option "messages"',
    'write one of message, status, body, exceptionFactory',
    'UNKNOWN_OPTION',
  ],
  [{ refusal: { message: '' } }, 'refusal.message is "" (string)', 'write a text, or (refusal) =>'],
  [{ refusal: { message: 5 } }, 'refusal.message is 5 (number)', 'write a text, or (refusal) =>'],
  [{ refusal: { status: 200 } }, 'refusal.status is 200 (number)', 'write an integer from 400 to 599'],
  [{ refusal: { status: 600 } }, 'refusal.status is 600 (number)', 'write an integer from 400 to 599'],
  [{ refusal: { status: '503' } }, 'refusal.status is "503" (string)', 'write an integer from 400 to 599'],
  [{ refusal: { body: {} } }, 'refusal.body is Object (object)', 'write (refusal, problem) => ({ ...problem'],
  [
    { refusal: { exceptionFactory: Error('no') } },
    'refusal.exceptionFactory is Error (object)',
    'write (refusal) => new HttpException(',
  ],
  ...(['message', 'body', 'exceptionFactory'] as const).map(
    (option): Row => [
      { refusal: { [option]: async () => 'no' } },
      `refusal.${option} is ${option} (function), which is async, and nobody awaits its answer`,
      'write a function that answers at once, as ',
    ],
  ),
  ...Object.entries({ message: 'No.', status: 503, body: () => '' }).map(
    ([option, value]): Row => [
      { refusal: { [option]: value, exceptionFactory: () => new Error('no') } },
      'beside exceptionFactory, whose exception says it all',
      'leave one of the two out',
    ],
  ),
  [{ limitsRefreshMs: -1 }, 'limitsRefreshMs is -1 (number)', 'write an integer from 0 to 86400000'],
  [{ limitsRefreshMs: 0.5 }, 'limitsRefreshMs is 0.5 (number)', 'write an integer from 0 to 86400000'],
  [{ limitsRefreshMs: 86_400_001 }, 'limitsRefreshMs is 86400001 (number)', 'write an integer from 0'],
  [{ limitsRefreshMs: '1s' }, 'limitsRefreshMs is "1s" (string)', 'write an integer from 0 to 86400000'],
  [{ shadow: 'on' }, 'shadow is "on" (string)', 'write true, false or { headers: true }'],
  [{ shadow: null }, 'shadow is null', 'write true, false or { headers: true }'],
  [{ shadow: { headers: 1 } }, 'shadow.headers is 1 (number)', 'write true or false'],
  [
    { shadow: { only: ['chat'] } },
    'shadow: there is no option "only"',
    'write one of headers',
    'UNKNOWN_OPTION',
  ],
  [{ fullest: 'yes' }, 'fullest is "yes" (string)', 'write true or false'],
  [{ policies: chat }, 'policies is Policy (object)', policies],
  [{ policies: null }, 'policies is null', policies],
  [{ policies: [chat, limit] }, 'policies[1] is Object (object)', policies],
  [{ policies: ['chat'] }, 'policies[0] is "chat" (string)', policies],
  [{ policies: [undefined] }, 'policies[0] is undefined', policies],
  [{ global: nameless }, 'global is Policy (object)', policies],
  [{ global: [limit] }, 'global[0] is Object (object)', policies],
  [
    { policies: [chat, nameless] },
    'policies: the token-bucket of capacity 10 has no name',
    "give it one: name: 'chat'",
    'POLICY_NEEDS_NAME',
  ],
  [
    { policies: [chat, tokenBucket({ name: 'chat', capacity: 11, rate: 5 })] },
    "policies: policy 'chat' has capacity 11 (number) instead of 10 (number), unlike 'chat' of RateLimitModule.forRoot: policies",
    'or give one of them another name',
    'POLICY_CONFLICT',
  ],
  [
    { policies: [chat], global: [tokenBucket({ name: 'chat', capacity: 10, rate: 6 })] },
    `global: policy 'chat' has rate "3/500000µs" (string) instead of "1/200000µs" (string)`,
    'define it once as a value',
    'POLICY_CONFLICT',
  ],
  [
    { policies: [chat], global: [tokenBucket({ name: 'chat', ...limit, shadow: { headers: true } })] },
    `global: policy 'chat' has shadow "{ headers: true }" (string) instead of undefined`,
    'define it once as a value',
    'POLICY_CONFLICT',
  ],
];

const mistakeOf = ([, value, fix, code = 'INVALID_OPTION']: Row) => ({ code, place: PLACE, value, fix });

describe('a mistake in the options of the module stops the boot', () => {
  const named = rows.map((row) => [row[1], row] as const);

  it.each(named)('forRoot: %s', async (_, row) => {
    await expectBootError(() => ({ rateLimit: row[0] as RateLimitModuleOptions }), mistakeOf(row));
  });

  it.each(named)('forRootAsync with a factory: %s', async (_, row) => {
    const root = RateLimitModule.forRootAsync({ useFactory: async () => row[0] as RateLimitModuleOptions });
    await expectBootError(() => ({ rateLimit: false, imports: [root] }), mistakeOf(row));
  });

  it('forRootAsync with a class', async () => {
    class Options implements RateLimitOptionsFactory {
      createRateLimitOptions = () => ({ prefix: '' });
    }
    const root = RateLimitModule.forRootAsync({ useClass: Options });
    const mistake = { code: 'INVALID_OPTION', value: 'prefix is "" (string)', fix: prefix } as const;
    await expectBootError(() => ({ rateLimit: false, imports: [root] }), { place: PLACE, ...mistake });
  });
});

describe('a module that is not there, or there twice, stops the boot', () => {
  const missing = { code: 'MISSING_FOR_ROOT', fix: 'import RateLimitModule.forRoot() in' } as const;

  it.each([
    ['a route', catsWith(TokenBucket(limit)), 'Cats.find: @TokenBucket: '],
    ['a controller', catsWith(), 'Cats: @TokenBucket: '],
  ])('no forRoot, though %s is limited', async (_, Cats, place) => {
    if (place.startsWith('Cats:')) TokenBucket(limit)(Cats);
    const value = 'the application has no RateLimitModule';
    await expectBootError(() => ({ rateLimit: false, controllers: [Cats] }), { ...missing, place, value });
  });

  it('needs no forRoot where nothing is limited', async () => {
    const { statuses } = await bootApp({ rateLimit: false, controllers: [catsWith()] });
    expect(await statuses(1, '/cats')).toEqual([200]);
  });

  it.each([
    ['the class itself', () => RateLimitModule],
    ['a factory of no options', () => RateLimitModule.forRootAsync({ useFactory: () => undefined as never })],
  ])('%s instead of forRoot', async (_, root) => {
    await expectBootError(() => ({ rateLimit: false, imports: [root()] }), {
      ...missing,
      place: 'RateLimitModule: ',
      value: 'its options are undefined',
    });
  });

  it('the class itself in a module beside the root', async () => {
    @Module({ imports: [RateLimitModule] })
    class Feature {}
    const place = 'RateLimitModule: ';
    await expectBootError(() => ({ imports: [Feature] }), { ...missing, place, value: 'are undefined' });
  });

  // For Nest 10 two modules with the same options are one.
  const twice = [{ prefix: 'other' }, ...(process.env.FLOODGATE_NEST === 'nest10' ? [] : [{}])];

  it.each(twice)('forRoot() and forRoot(%j)', async (options) => {
    @Module({ imports: [RateLimitModule.forRoot(options), moduleOf(catsWith(TokenBucket(limit)))] })
    class Feature {}
    await expectBootError(() => ({ imports: [Feature] }), {
      code: 'DUPLICATE_FOR_ROOT',
      place: PLACE,
      value: 'imported 2 times',
      fix: 'import it once, in the root module',
    });
  });

  it('imports one and the same forRoot twice without complaint', async () => {
    const root = RateLimitModule.forRoot();
    @Module({ imports: [root] })
    class Feature {}
    const { statuses } = await bootApp({
      rateLimit: false,
      imports: [root, Feature],
      controllers: [catsWith()],
    });
    expect(await statuses(1, '/cats')).toEqual([200]);
  });
});
