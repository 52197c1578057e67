import { afterEach, describe, it } from '@jest/globals';
import {
  LeakyBucket,
  type LeakyBucketOptions,
  leakyBucket,
  type RateLimitErrorCode,
  TokenBucket,
  tokenBucket,
} from '../../../lib/index.js';
import { closeApps } from '../../support/app.js';
import { expectBootError } from '../../support/boot-error.js';
import { expectMistake } from '../../support/mistake.js';
import { catsWith } from '../../support/routes.js';

afterEach(closeApps);

type Row = readonly [options: object, code: RateLimitErrorCode, value: string, fix: string];

/** One row for each wrong value of an option. */
function wrong(
  code: RateLimitErrorCode,
  option: string,
  fix: string,
  values: readonly (readonly [unknown, string])[],
): Row[] {
  return values.map(([value, shown]) => [
    { capacity: 10, rate: 5, [option]: value },
    code,
    `${option} is ${shown}`,
    fix,
  ]);
}

const rates = wrong('INVALID_RATE', 'rate', "write a number above 0 (per second) or a text as '5/s'", [
  ['fast', '"fast" (string)'],
  ['', '"" (string)'],
  ['5/week', '"5/week" (string)'],
  ['0/s', '"0/s" (string)'],
  ['-5/s', '"-5/s" (string)'],
  ['5', '"5" (string)'],
  [0, '0 (number)'],
  [-1, '-1 (number)'],
  [Number.NaN, 'NaN (number)'],
  [Number.POSITIVE_INFINITY, 'Infinity (number)'],
  [5n, '5 (bigint)'],
  [true, 'true (boolean)'],
  [{ tokens: 5, per: 's' }, 'Object (object)'],
  [['5/s'], 'Array (array)'],
  [function perSecond() {}, 'perSecond (function)'],
  [null, 'null'],
  [undefined, 'undefined'],
]);

const capacities = wrong('INVALID_CAPACITY', 'capacity', 'write an integer of at least 1', [
  [0, '0 (number)'],
  [-3, '-3 (number)'],
  [1.5, '1.5 (number)'],
  [Number.NaN, 'NaN (number)'],
  [Number.POSITIVE_INFINITY, 'Infinity (number)'],
  [2 ** 53, '9007199254740992 (number)'],
  ['10', '"10" (string)'],
  [10n, '10 (bigint)'],
  [{}, 'Object (object)'],
  [{ constructor: { name: Symbol('x') } }, 'object without prototype (object)'],
  [null, 'null'],
  [undefined, 'undefined'],
]);

const costs = wrong('INVALID_COST', 'cost', 'write an integer of at least 0', [
  [-1, '-1 (number)'],
  [0.5, '0.5 (number)'],
  [Number.NaN, 'NaN (number)'],
  [Number.POSITIVE_INFINITY, 'Infinity (number)'],
  [2 ** 53, '9007199254740992 (number)'],
  ['1', '"1" (string)'],
  [true, 'true (boolean)'],
  [null, 'null'],
]);

const names = wrong('INVALID_NAME', 'name', 'write 1 to 128 printable ASCII characters without', [
  ['', '"" (string)'],
  ['my chat', '"my chat" (string)'],
  ['chat:1', '"chat:1" (string)'],
  ['chat{1}', '"chat{1}" (string)'],
  ['"chat"', '"\\"chat\\"" (string)'],
  ["it's", '"it\'s" (string)'],
  ['`chat`', '"`chat`" (string)'],
  ['café', '"café" (string)'],
  ['chat\n', '"chat\\n" (string)'],
  ['a'.repeat(129), `"${'a'.repeat(79)}… (string)`],
  [5, '5 (number)'],
  [null, 'null'],
]);

const others = [
  ...wrong('INVALID_OPTION', 'key', "write byIp() or (context) => 'text'", [
    ['ip', '"ip" (string)'],
    [{}, 'Object (object)'],
    [null, 'null'],
  ]),
  ...wrong('INVALID_OPTION', 'stage', 'write "guard" or "handler"', [
    ['before', '"before" (string)'],
    [1, '1 (number)'],
    [null, 'null'],
  ]),
  ...wrong('INVALID_OPTION', 'shadow', 'write true, false or { headers: true }', [
    ['on', '"on" (string)'],
    [1, '1 (number)'],
    [null, 'null'],
    [[true], 'Array (array)'],
  ]),
];

const shadows: Row[] = [
  [
    { capacity: 10, rate: 5, shadow: { header: true } },
    'UNKNOWN_OPTION',
    'shadow: there is no option "header"',
    'write one of headers',
  ],
  [
    { capacity: 10, rate: 5, shadow: { headers: 'all' } },
    'INVALID_OPTION',
    'shadow.headers is "all" (string)',
    'write true or false',
  ],
];

const tooMuch: Row[] = [
  [
    { capacity: 10, rate: 5, cost: 11 },
    'COST_ABOVE_CAPACITY',
    'cost 11 is above capacity 10',
    'raise the capacity or lower the cost',
  ],
  ...(
    [
      [1e12, '7/day', '"7/day" (string) is 7 tokens in 86400000000 µs'],
      [104_250, '1/day', '104250 × 86400000000 passes 2^53 - 1'],
      [Number.MAX_SAFE_INTEGER, '3/s', '"3/s" (string) is 3 tokens in 1000000 µs'],
      [1, Number.MIN_VALUE, 'rate 5e-324 (number) is 1 tokens in'],
      [1, 1e24, '15624999999999999737856 or 1 × 15625 passes 2^53 - 1'],
    ] as const
  ).map(([capacity, rate, value]): Row => {
    return [{ capacity, rate }, 'RATE_DOES_NOT_FIT', value, 'write a rounder rate or a smaller capacity'];
  }),
];

const misspelt: Row[] = [
  [{ capcity: 10, rate: 5 }, 'UNKNOWN_OPTION', 'no option "capcity"', 'write one of name, capacity, rate'],
  [{ capacity: 10, rate: 5, ttl: 60 }, 'UNKNOWN_OPTION', 'no option "ttl"', 'write one of name'],
  [{ capacity: 10, rate: 5, Cost: 1 }, 'UNKNOWN_OPTION', 'no option "Cost"', 'key, cost, stage'],
];

const settling: Row[] = [
  ...wrong('INVALID_OPTION', 'settle', 'write (context, { result, error }) => 1', [
    [1, '1 (number)'],
    ['usage', '"usage" (string)'],
    [null, 'null'],
  ]),
  ...wrong('INVALID_OPTION', 'maxDebt', 'write an integer from 0 to 9007199254740991', [
    [-1, '-1 (number)'],
    [0.5, '0.5 (number)'],
    [Number.POSITIVE_INFINITY, 'Infinity (number)'],
    ['5', '"5" (string)'],
    [null, 'null'],
  ]),
  ...wrong('INVALID_OPTION', 'reservationTtlMs', 'write an integer from 1000 to 86400000', [
    [999, '999 (number)'],
    [86_400_001, '86400001 (number)'],
    ['10 min', '"10 min" (string)'],
    [null, 'null'],
  ]),
];

/** With a name, the service may settle. */
const unsettled: Row[] = [
  ...wrong('INVALID_OPTION', 'maxDebt', 'add settle', [[5, '5 (number), but nothing is ever settled here']]),
  ...wrong('INVALID_OPTION', 'reservationTtlMs', 'or a name for the service', [
    [60_000, '60000 (number), but nothing is ever settled here'],
  ]),
];

const leases: Row[] = [
  ...wrong('INVALID_OPTION', 'lease', 'write true, false or { ttlMs: 1000 }', [
    ['yes', '"yes" (string)'],
    [1, '1 (number)'],
    [[], 'Array (array)'],
    [null, 'null'],
  ]),
  ...[99, 60_001, 0.5, null, '1s'].map(
    (ttlMs): Row => [
      { capacity: 10, rate: 5, lease: { ttlMs } },
      'INVALID_OPTION',
      'lease.ttlMs is',
      'write an integer from 100 to 60000',
    ],
  ),
  [{ capacity: 10, rate: 5, lease: { tokens: 0 } }, 'INVALID_OPTION', 'lease.tokens is 0', 'from 1 to'],
  [{ capacity: 10, rate: 5, lease: { perSecond: 0 } }, 'INVALID_OPTION', 'lease.perSecond is 0', 'from 1 to'],
  [{ capacity: 10, rate: 5, lease: { ttl: 5 } }, 'UNKNOWN_OPTION', 'no option "ttl"', 'write one of ttlMs'],
];

const rows = [
  ...rates,
  ...settling,
  ...leases,
  ...capacities,
  ...costs,
  ...names,
  ...others,
  ...shadows,
  ...tooMuch,
  ...misspelt,
];

const waits: Row[] = [
  ...wrong('INVALID_OPTION', 'maxWaitMs', 'write an integer from 0 to 9007199254740', [
    [5n, '5 (bigint)'],
    [Symbol('soon'), 'Symbol(soon) (symbol)'],
    [-1, '-1 (number)'],
    [1.5, '1.5 (number)'],
    [Number.NaN, 'NaN (number)'],
    [Number.POSITIVE_INFINITY, 'Infinity (number)'],
    [2 ** 53, '9007199254740992 (number)'],
    ['2s', '"2s" (string)'],
    [null, 'null'],
  ]),
  ...wrong('INVALID_OPTION', 'shape', 'write true or false', [
    ['no', '"no" (string)'],
    [0, '0 (number)'],
    [null, 'null'],
  ]),
  [
    { capacity: 10, rate: 5, maxWaitMs: 100, shape: false },
    'INVALID_OPTION',
    'maxWaitMs is 100 (number) beside shape: false',
    'leave one of the two out',
  ],
  [
    { capacity: 10, rate: 5, lease: true },
    'LEASE_CONFLICT',
    'lease stands beside a leaky bucket that makes requests wait',
    'write shape: false',
  ],
];

const noObjects: Row[] = [
  [undefined, 'undefined'],
  [null, 'null'],
  [10, '10 (number)'],
  ['10/s', '"10/s" (string)'],
  [[10, 5], 'Array (array)'],
].map(([value, shown]) => [
  value as object,
  'INVALID_OPTION',
  `the options are ${shown}`,
  'write { capacity: 10, rate: 5 }',
]);

describe('a mistake in the options of @TokenBucket stops the boot', () => {
  const tokens: Row[] = [
    ...rows,
    ...unsettled,
    ...noObjects,
    [
      { capacity: 10, rate: 5, lease: {}, settle: () => 1 },
      'LEASE_CONFLICT',
      'lease stands beside settle',
      'leave one of the two out',
    ],
    [{ capacity: 1, rate: 1, maxWaitMs: 5 }, 'UNKNOWN_OPTION', 'no option "maxWaitMs"', 'write one of name'],
    [{ capacity: 1, rate: 1, shape: true }, 'UNKNOWN_OPTION', 'no option "shape"', 'write one of name'],
  ];

  it.each(tokens)('%p', async (options, code, value, fix) => {
    const decorator = TokenBucket(options as LeakyBucketOptions);
    const mistake = { code, place: 'Cats.find: @TokenBucket: ', value, fix };
    await expectBootError(() => ({ controllers: [catsWith(decorator)] }), mistake);
  });
});

describe('a mistake in the options of @LeakyBucket on a controller stops the boot', () => {
  it.each([...rows, ...waits, ...noObjects])('%p', async (options, code, value, fix) => {
    const Cats = catsWith();
    LeakyBucket(options as LeakyBucketOptions)(Cats);
    const mistake = { code, place: 'Cats: @LeakyBucket: ', value, fix };
    await expectBootError(() => ({ controllers: [Cats] }), mistake);
  });
});

describe('a mistake in the options of a policy as a value is refused where it is made', () => {
  it.each(rows)('tokenBucket(%p)', async (options, code, value, fix) => {
    const { name } = options as { name?: unknown };
    const place = typeof name === 'string' ? `tokenBucket '${name}': ` : 'tokenBucket: ';
    await expectMistake(() => tokenBucket(options as LeakyBucketOptions), { code, place, value, fix });
  });

  it.each([...rows, ...waits])('leakyBucket(%p)', async (options, code, value, fix) => {
    const named = { name: 'mail', ...options } as LeakyBucketOptions;
    const place = typeof named.name === 'string' ? `leakyBucket '${named.name}': ` : 'leakyBucket: ';
    await expectMistake(() => leakyBucket(named), { code, place, value, fix });
  });
});
