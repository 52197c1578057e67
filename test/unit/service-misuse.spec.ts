import { describe, expect, it } from '@jest/globals';
import {
  type AcquireOptions,
  type BlockOptions,
  type ConsumeRequest,
  type Decision,
  type Policy,
  type RateLimitErrorCode,
  RateLimiterService,
  type Reservation,
  type ReserveOptions,
  type SyncReport,
  tokenBucket,
} from '../../lib/index.js';
import { Limiter } from '../../lib/limiter/limiter.js';
import { PolicyRegistry } from '../../lib/limiter/policy-registry.js';
import { BackgroundWork } from '../../lib/limiter/waiting/background-work.js';
import { PlaceReturns } from '../../lib/limiter/waiting/place-returns.js';
import { Turns } from '../../lib/limiter/waiting/turns.js';
import type { Store } from '../../lib/stores/store.interface.js';
import { expectMistake } from '../support/mistake.js';

const limit = { capacity: 10, rate: 5 };
const chat = tokenBucket({ name: 'chat', ...limit });

/** A store that fails the test when it is asked for more than the limits in force. */
const untouched = new Proxy({} as Store, {
  get: (_, member) => {
    if (member === 'readLimits') return () => new Map();
    // Whether it has this is asked once, and it has not.
    if (member === 'decidePlain' || member === 'enqueue') return undefined;
    throw new Error(`the store was asked to ${String(member)}`);
  },
});

function service(store = untouched): RateLimiterService {
  const registry = new PolicyRegistry();
  registry.define(chat, 'RateLimitModule.forRoot: policies');
  const turns = new Turns(new PlaceReturns(store));
  return new RateLimiterService(new Limiter(store), registry, turns, new BackgroundWork(turns));
}

/** A task that fails the test when it is called. */
const never = (): never => {
  throw new Error('the task was called');
};

type Call = (policy: Policy | string, key: string, cost?: number) => Promise<unknown>;

const calls: [string, Call][] = [
  ['consume', (policy, key, cost) => service().consume(policy, key, { cost })],
  ['peek', (policy, key, cost) => service().peek(policy, key, { cost })],
  ['refund', (policy, key, cost = 1) => service().refund(policy, key, cost)],
  ['reset', (policy, key) => service().reset(policy, key)],
  ['acquire', (policy, key, cost) => service().acquire(policy, key, { cost })],
  ['schedule', (policy, key, cost) => service().schedule(policy, key, never, { cost })],
  [
    'consumeAll',
    (policy, key, cost) =>
      service().consumeAll([
        { policy: chat, key: 'a' },
        { policy, key, cost },
      ]),
  ],
  ['consumeAny', (policy, key, cost) => service().consumeAny(besideChat(policy, key, cost))],
  ['acquireAny', (policy, key, cost) => service().acquireAny(besideChat(policy, key, cost))],
  ['sync', (policy, key) => service().sync(policy, key, { remaining: 1 })],
  ['block', (policy, key) => service().block(policy, key)],
  ['unblock', (policy, key) => service().unblock(policy, key)],
  ['reserve', (policy, key, cost) => service().reserve(policy, key, { cost })],
  [
    'settle',
    (policy, key, cost = 1) => service().settle({ policy: policy as string, key, id: 'x'.repeat(16) }, cost),
  ],
];

const besideChat = (policy: Policy | string, key: string, cost?: number): ConsumeRequest[] => [
  { policy: chat, key: 'a' },
  { policy, key, cost },
];

const WITHOUT_COST = ['reset', 'sync', 'block', 'unblock'];

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
  const misuses = [...policies, ...keys, ...(WITHOUT_COST.includes(method) ? [] : costs)];

  it.each(misuses)('%p', async (args, code, value, fix) => {
    await expectMistake(() => call(...args), { code, place: `RateLimiterService.${method}: `, value, fix });
  });
});

type Several = (requests: ConsumeRequest[]) => Promise<unknown>;

const several: [string, Several][] = [
  ['consumeAll', (requests) => service().consumeAll(requests)],
  ['consumeAny', (requests) => service().consumeAny(requests)],
  ['acquireAny', (requests) => service().acquireAny(requests)],
];

describe.each(several)('RateLimiterService.%s rejects, and asks no store, for', (method, call) => {
  it.each([
    [[], 'the requests are Array (array)', 'write [{ policy, key }, …]'],
    [undefined, 'the requests are undefined', 'write [{ policy, key }, …]'],
    [null, 'the requests are null', 'write [{ policy, key }, …]'],
    [{ policy: chat, key: 'ada' }, 'the requests are Object (object)', 'write [{ policy, key }, …]'],
    [[null], 'the options are null', 'write { policy, key }'],
    // A hole in a list, which `map` would pass over.
    [new Array(1), 'the options are undefined', 'write { policy, key }'],
    [[undefined], 'the options are undefined', 'write { policy, key }'],
    [['chat'], 'the options are "chat" (string)', 'write { policy, key }'],
  ])('%j', async (requests, value, fix) => {
    const place = `RateLimiterService.${method}: `;
    const mistake = { code: 'INVALID_OPTION', place, value, fix } as const;
    await expectMistake(() => call(requests as unknown as ConsumeRequest[]), mistake);
  });
});

describe.each(several.slice(1))('RateLimiterService.%s rejects, and asks no store, for', (method, call) => {
  const twice = [
    { policy: chat, key: 'ada', cost: 2 },
    { policy: 'chat', key: 'ada' },
  ];

  it('one bucket twice, by its value and by its name', async () => {
    await expectMistake(() => call(twice), {
      code: 'INVALID_OPTION',
      place: `RateLimiterService.${method}: `,
      value: 'two of the requests are of one policy and key',
      fix: 'write each bucket once',
    });
  });
});

const picks: [string, string, (options: object) => Promise<unknown>][] = [
  [
    'consumeAny',
    'prefer',
    (options) => service().consumeAny([...besideChat(chat, 'b'), ...besideChat(chat, 'c').slice(1)], options),
  ],
  [
    'acquireAny',
    'prefer, maxWaitMs, signal',
    (options) => service().acquireAny([...besideChat(chat, 'b'), ...besideChat(chat, 'c').slice(1)], options),
  ],
];

describe.each(picks)('RateLimiterService.%s rejects, and asks no store, for', (method, known, pick) => {
  const place = `RateLimiterService.${method}: `;
  const invalid = (value: string, fix: string) => ({ code: 'INVALID_OPTION' as const, place, value, fix });

  it.each([
    [null, 'the options are null', 'write { prefer: 0 }'],
    [1, 'the options are 1 (number)', 'write { prefer: 0 }'],
    [[], 'the options are Array (array)', 'write { prefer: 0 }'],
    [{ prefer: 3 }, 'prefer is 3 (number)', 'write an integer from 0 to 2'],
    [{ prefer: -1 }, 'prefer is -1 (number)', 'write an integer from 0 to 2'],
    [{ prefer: 0.5 }, 'prefer is 0.5 (number)', 'write an integer from 0 to 2'],
    [{ prefer: '1' }, 'prefer is "1" (string)', 'write an integer from 0 to 2'],
    [{ prefer: null }, 'prefer is null', 'write an integer from 0 to 2'],
    [{ prefer: Number.NaN }, 'prefer is NaN (number)', 'write an integer from 0 to 2'],
  ])('%j', async (options, value, fix) => {
    await expectMistake(() => pick(options as object), invalid(value, fix));
  });

  it.each([{ cost: 2 }, { preferred: 1 }, { policy: 'chat' }])('%j', async (options) => {
    const value = `there is no option "${Object.keys(options)[0]}"`;
    await expectMistake(() => pick(options), {
      code: 'UNKNOWN_OPTION',
      place,
      value,
      fix: `one of ${known}`,
    });
  });

  it('nothing else', async () => {
    for (const options of [{ prefer: 0 }, { prefer: 2 }, {}, { prefer: undefined }]) {
      await expect(pick(options)).rejects.toThrow('the store was asked to decide');
    }
  });
});

describe('RateLimiterService.sync rejects, and asks no store, for', () => {
  const place = 'RateLimiterService.sync: ';
  const whole = `write an integer from 0 to ${Number.MAX_SAFE_INTEGER}`;
  const example = 'write { remaining: 10, decision }';
  const sync = (report: unknown) => service().sync(chat, 'ada', report as SyncReport);

  it.each([
    [undefined, 'the options are undefined', example],
    [null, 'the options are null', example],
    [10, 'the options are 10 (number)', example],
    ['10', 'the options are "10" (string)', example],
    [[10], 'the options are Array (array)', example],
    ...['remaining', 'retryAfterMs'].flatMap((option): [unknown, string, string][] => [
      [{ [option]: -1 }, `${option} is -1 (number)`, whole],
      [{ [option]: 0.5 }, `${option} is 0.5 (number)`, whole],
      [{ [option]: Number.NaN }, `${option} is NaN (number)`, whole],
      [{ [option]: Number.POSITIVE_INFINITY }, `${option} is Infinity (number)`, whole],
      [{ [option]: 2 ** 53 }, `${option} is 9007199254740992 (number)`, whole],
      [{ [option]: '5' }, `${option} is "5" (string)`, whole],
      [{ [option]: 5n }, `${option} is 5 (bigint)`, whole],
      [{ [option]: null }, `${option} is null`, whole],
    ]),
    [{ decision: null }, 'decision is null', 'write the decision that the request was made with'],
    [{ decision: 'chat' }, 'decision is "chat" (string)', 'write the decision'],
    [{ decision: true }, 'decision is true (boolean)', 'write the decision'],
    [{ decision: {} }, "the decision is of 'undefined' and undefined", 'report to the bucket'],
    [{ decision: [] }, "the decision is of 'undefined' and undefined", 'report to the bucket'],
    [{ decision: { policy: 'chat' } }, "the decision is of 'chat' and undefined", 'report to the bucket'],
  ])('%p', async (report, value, fix) => {
    await expectMistake(() => sync(report), { code: 'INVALID_OPTION', place, value, fix });
  });

  it.each([{ retryAfter: 5 }, { left: 5 }, { cost: 1 }])('%j', async (report) => {
    const value = `there is no option "${Object.keys(report)[0]}"`;
    await expectMistake(() => sync(report), {
      code: 'UNKNOWN_OPTION',
      place,
      value,
      fix: 'write one of remaining, retryAfterMs, decision, limits, limit, resetAfterMs',
    });
  });

  it('nothing else: whatever a reader has found, and a decision, does ask it', async () => {
    const decision = { policy: 'chat', key: 'ada' } as Decision;
    for (const report of [{}, { remaining: 0, retryAfterMs: 0, limit: 5, resetAfterMs: 0.5, decision }]) {
      await expect(sync(report)).rejects.toThrow('the store was asked to report');
    }
  });
});

describe('RateLimiterService.block rejects, and asks no store, for', () => {
  const place = 'RateLimiterService.block: ';
  const whole = `write an integer from 0 to ${Math.floor(Number.MAX_SAFE_INTEGER / 1000)}`;
  const block = (options: unknown) => service().block(chat, 'ada', options as BlockOptions);

  it.each([
    [null, 'the options are null', 'write { forMs: 60_000 }'],
    [5000, 'the options are 5000 (number)', 'write { forMs: 60_000 }'],
    [[], 'the options are Array (array)', 'write { forMs: 60_000 }'],
    [{ forMs: -1 }, 'forMs is -1 (number)', whole],
    [{ forMs: 0.5 }, 'forMs is 0.5 (number)', whole],
    [{ forMs: Number.POSITIVE_INFINITY }, 'forMs is Infinity (number)', whole],
    [{ forMs: '5' }, 'forMs is "5" (string)', whole],
    [{ forMs: null }, 'forMs is null', whole],
  ])('%p', async (options, value, fix) => {
    await expectMistake(() => block(options), { code: 'INVALID_OPTION', place, value, fix });
  });

  // It would block for good.
  it.each([{ forMS: 5 }, { ms: 5 }, { retryAfterMs: 5 }])('%j', async (options) => {
    const value = `there is no option "${Object.keys(options)[0]}"`;
    await expectMistake(() => block(options), { code: 'UNKNOWN_OPTION', place, value, fix: 'one of forMs' });
  });

  it('nothing else', async () => {
    for (const options of [undefined, {}, { forMs: undefined }, { forMs: 0 }, { forMs: 5 }]) {
      await expect(block(options)).rejects.toThrow('the store was asked to report');
    }
  });
});

describe('RateLimiterService.reserve rejects, and asks no store, for', () => {
  const place = 'RateLimiterService.reserve: ';
  const reserve = (options: unknown) => service().reserve(chat, 'ada', options as ReserveOptions);

  it.each([
    [null, 'the options are null', 'write { cost: 2 }'],
    [5, 'the options are 5 (number)', 'write { cost: 2 }'],
    [{ ttlMs: 999 }, 'ttlMs is 999 (number)', 'write an integer from 1000 to 86400000'],
    [{ ttlMs: 86_400_001 }, 'ttlMs is 86400001 (number)', 'write an integer from 1000 to 86400000'],
    [{ ttlMs: 1000.5 }, 'ttlMs is 1000.5 (number)', 'write an integer from 1000 to 86400000'],
    [{ ttlMs: '5000' }, 'ttlMs is "5000" (string)', 'write an integer from 1000 to 86400000'],
  ])('%j', async (options, value, fix) => {
    await expectMistake(() => reserve(options), { code: 'INVALID_OPTION', place, value, fix });
  });

  it.each([{ ttl: 5000 }, { maxWaitMs: 5 }])('%j', async (options) => {
    const value = `there is no option "${Object.keys(options)[0]}"`;
    const fix = 'write one of cost, limits, ttlMs';
    await expectMistake(() => reserve(options), { code: 'UNKNOWN_OPTION', place, value, fix });
  });
});

describe('RateLimiterService.settle rejects, and asks no store, for', () => {
  const place = 'RateLimiterService.settle: ';

  it.each([
    [undefined, 'the options are undefined'],
    [null, 'the options are null'],
    ['mXk2', 'the options are "mXk2" (string)'],
    [{ policy: 'chat', key: 'ada', id: 5 }, 'the id of the reservation is 5 (number)'],
    [{ policy: 'chat', key: 'ada', id: '' }, 'the id of the reservation is "" (string)'],
    [{ policy: 'chat', key: 'ada', id: 'x}y:*' }, 'the id of the reservation is "x}y:*" (string)'],
  ])('%j', async (reservation, value) => {
    const fix = 'write what reserve has answered';
    const settle = () => service().settle(reservation as Reservation, 1);
    await expectMistake(settle, { code: 'INVALID_OPTION', place, value, fix });
  });

  it('what was refused: there is nothing to settle', async () => {
    const refused = { policy: 'chat', key: 'ada', id: undefined };
    expect(await service().settle(refused, 1)).toEqual({ settled: false, charged: 0 });
  });
});

it('a call without misuse does ask the store', async () => {
  await expect(service().consume(chat, 'ada')).rejects.toThrow('the store was asked to decide');
});

const waits: [string, (options?: AcquireOptions) => Promise<unknown>][] = [
  ['acquire', (options) => service().acquire(chat, 'ada', options)],
  ['run', (options) => service().run(chat, 'ada', never, options)],
];

describe.each(waits)('RateLimiterService.%s rejects, and asks no store, for', (_, wait) => {
  const whole = `write an integer from 0 to ${Math.floor(Number.MAX_SAFE_INTEGER / 1000)}`;
  const known = 'write one of cost, limits, maxWaitMs, signal';

  it.each([
    [{ maxWait: 5 }, 'UNKNOWN_OPTION', 'there is no option "maxWait"', known],
    [{ timeoutMs: 5 }, 'UNKNOWN_OPTION', 'there is no option "timeoutMs"', known],
    [null, 'INVALID_OPTION', 'the options are null', 'write { cost: 2 }'],
    [5, 'INVALID_OPTION', 'the options are 5 (number)', 'write { cost: 2 }'],
    [[], 'INVALID_OPTION', 'the options are Array (array)', 'write { cost: 2 }'],
    [{ maxWaitMs: -1 }, 'INVALID_OPTION', 'maxWaitMs is -1 (number)', whole],
    [{ maxWaitMs: 0.5 }, 'INVALID_OPTION', 'maxWaitMs is 0.5 (number)', whole],
    [{ maxWaitMs: Number.NaN }, 'INVALID_OPTION', 'maxWaitMs is NaN (number)', whole],
    [{ maxWaitMs: Number.POSITIVE_INFINITY }, 'INVALID_OPTION', 'maxWaitMs is Infinity (number)', whole],
    [{ maxWaitMs: 2 ** 53 }, 'INVALID_OPTION', 'maxWaitMs is 9007199254740992 (number)', whole],
    [{ maxWaitMs: '5' }, 'INVALID_OPTION', 'maxWaitMs is "5" (string)', whole],
    [{ maxWaitMs: 5n }, 'INVALID_OPTION', 'maxWaitMs is 5 (bigint)', whole],
    [{ maxWaitMs: null }, 'INVALID_OPTION', 'maxWaitMs is null', whole],
    [{ signal: null }, 'INVALID_OPTION', 'signal is null', 'write an AbortSignal'],
    [{ signal: {} }, 'INVALID_OPTION', 'signal is Object (object)', 'write an AbortSignal'],
    [{ signal: { aborted: true } }, 'INVALID_OPTION', 'signal is Object (object)', 'write an AbortSignal'],
    [{ signal: new AbortController() }, 'INVALID_OPTION', 'AbortController', 'write an AbortSignal'],
    [{ cost: -1 }, 'INVALID_COST', 'cost is -1 (number)', 'write an integer of at least 0'],
    [{ cost: 0.5 }, 'INVALID_COST', 'cost is 0.5 (number)', 'write an integer of at least 0'],
    [{ cost: '1' }, 'INVALID_COST', 'cost is "1" (string)', 'write an integer of at least 0'],
    [{ cost: null }, 'INVALID_COST', 'cost is null', 'write an integer of at least 0'],
  ] as const)('%p', async (options, code, value, fix) => {
    const mistake = { code, place: 'RateLimiterService.acquire: ', value, fix };
    await expectMistake(() => wait(options as AcquireOptions), mistake);
  });

  it.each([
    ['with a reason', AbortSignal.abort('gone'), 'gone'],
    ['without one', AbortSignal.abort(), expect.objectContaining({ name: 'AbortError' })],
  ])('a signal that is already aborted %s', async (_title, signal, reason) => {
    await expect(wait({ signal })).rejects.toEqual(reason);
  });

  it('nothing else: all options at once do ask it', async () => {
    const { signal } = new AbortController();
    for (const options of [{ cost: 1, maxWaitMs: 0, signal }, {}, undefined, { cost: undefined }]) {
      await expect(wait(options)).rejects.toThrow('the store was asked to decide');
    }
  });
});
