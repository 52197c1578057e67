import { describe, expect, it } from '@jest/globals';
import {
  type ConsumeRequest,
  type Policy,
  type RateLimitErrorCode,
  RateLimiterService,
  tokenBucket,
} from '../../lib/index.js';
import { Limiter } from '../../lib/limiter/limiter.js';
import { PolicyRegistry } from '../../lib/limiter/policy-registry.js';
import type { Store } from '../../lib/stores/store.interface.js';
import { expectMistake } from '../support/mistake.js';

const limit = { capacity: 10, rate: 5 };
const chat = tokenBucket({ name: 'chat', ...limit });

/** A store that fails the test when it is asked. */
const untouched = new Proxy({} as Store, {
  get: (_, member) => {
    throw new Error(`the store was asked to ${String(member)}`);
  },
});

function service(store = untouched): RateLimiterService {
  const registry = new PolicyRegistry();
  registry.define(chat, 'RateLimitModule.forRoot: policies');
  return new RateLimiterService(new Limiter(store), registry);
}

type Call = (policy: Policy | string, key: string, cost?: number) => Promise<unknown>;

const calls: [string, Call][] = [
  ['consume', (policy, key, cost) => service().consume(policy, key, { cost })],
  ['peek', (policy, key, cost) => service().peek(policy, key, { cost })],
  ['refund', (policy, key, cost = 1) => service().refund(policy, key, cost)],
  ['reset', (policy, key) => service().reset(policy, key)],
  [
    'consumeAll',
    (policy, key, cost) =>
      service().consumeAll([
        { policy: chat, key: 'a' },
        { policy, key, cost },
      ]),
  ],
];

type Misuse = [Parameters<Call>, RateLimitErrorCode, string, string];

const policies: Misuse[] = [
  [
    ['chta', 'ada'],
    'UNKNOWN_POLICY',
    '"chta" (string) names no policy; known are: \'chat\'',
    'forRoot({ policies:',
  ],
  [['', 'ada'], 'UNKNOWN_POLICY', '"" (string) names no policy', 'forRoot({ policies:'],
  [[undefined as never, 'ada'], 'UNKNOWN_POLICY', 'undefined names no policy', 'forRoot({ policies:'],
  [[limit as never, 'ada'], 'UNKNOWN_POLICY', 'Object (object) names no policy', 'forRoot({ policies:'],
  [
    [tokenBucket(limit), 'ada'],
    'POLICY_NEEDS_NAME',
    'the token-bucket of capacity 10 has no name',
    "give it one: name: 'chat'",
  ],
  [
    [tokenBucket({ name: 'chat', capacity: 9, rate: 5 }), 'ada'],
    'POLICY_CONFLICT',
    "policy 'chat' has capacity 9 (number) instead of 10 (number)",
    'define it once as a value',
  ],
];

const keys = [
  [5, '5 (number)'],
  [5n, '5 (bigint)'],
  [undefined, 'undefined'],
  [null, 'null'],
  [{ id: 5 }, 'Object (object)'],
  [['ada'], 'Array (array)'],
].map(([key, shown]): Misuse => {
  return [['chat', key as string], 'INVALID_KEY', `key is ${shown}`, 'write a text, as String(user.id)'];
});

const costs = [
  [-1, '-1 (number)'],
  [0.5, '0.5 (number)'],
  [Number.NaN, 'NaN (number)'],
  [Number.POSITIVE_INFINITY, 'Infinity (number)'],
  [2 ** 53, '9007199254740992 (number)'],
  ['1', '"1" (string)'],
  [1n, '1 (bigint)'],
  [null, 'null'],
].map(([cost, shown]): Misuse => {
  return [
    ['chat', 'ada', cost as number],
    'INVALID_COST',
    `cost is ${shown}`,
    'write an integer of at least 0',
  ];
});

describe.each(calls)('RateLimiterService.%s rejects, and asks no store, for', (method, call) => {
  const misuses = [...policies, ...keys, ...(method === 'reset' ? [] : costs)];

  it.each(misuses)('%p', async (args, code, value, fix) => {
    await expectMistake(() => call(...args), { code, place: `RateLimiterService.${method}: `, value, fix });
  });
});

describe('RateLimiterService.consumeAll rejects, and asks no store, for', () => {
  it.each([
    [[], 'the requests are Array (array)', 'write [{ policy, key }, …]'],
    [undefined, 'the requests are undefined', 'write [{ policy, key }, …]'],
    [null, 'the requests are null', 'write [{ policy, key }, …]'],
    [{ policy: chat, key: 'ada' }, 'the requests are Object (object)', 'write [{ policy, key }, …]'],
    [[null], 'the options are null', 'write { policy, key }'],
    [[undefined], 'the options are undefined', 'write { policy, key }'],
    [['chat'], 'the options are "chat" (string)', 'write { policy, key }'],
  ])('%j', async (requests, value, fix) => {
    const mistake = { code: 'INVALID_OPTION', place: 'RateLimiterService.consumeAll: ', value, fix } as const;
    await expectMistake(() => service().consumeAll(requests as unknown as ConsumeRequest[]), mistake);
  });
});

it('a call without misuse does ask the store', async () => {
  await expect(service().consume(chat, 'ada')).rejects.toThrow('the store was asked to decide');
});
