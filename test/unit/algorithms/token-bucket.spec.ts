import { describe, it } from '@jest/globals';
import { tokenBucket } from '../../../lib/options/make-policy.js';
import { makers, type Row, Table } from '../../support/table.js';

const S = 1_000_000;
// One token is 100,000 ticks, and t1 is when the first of them is back.
const TEN_A_SECOND = '10/s';
const [t0, t1, t2, t3, t5, t9] = [0, 1, 2, 3, 5, 9].map((n) => n * 100_000) as [
  number,
  number,
  number,
  number,
  number,
  number,
];

const T = 100_000;

const tables: [string, Parameters<typeof tokenBucket>[0], Row[]][] = [
  [
    'has one token a tenth of a second',
    { capacity: 1, rate: TEN_A_SECOND },
    [
      { t: t0, ok: true, level: T },
      { t: t0, ok: false, level: T },
      { t: t0, ok: false, level: T },
      { t: t1, ok: true, level: T },
      { t: t1, ok: false, level: T },
      { t: t1, ok: false, level: T },
      { t: t2, cost: 2, ok: false, level: 0, retryAfterMs: null },
      { t: t2, ok: true, level: T },
      { t: t2, ok: false, level: T },
    ],
  ],
  [
    'lets a burst of its capacity pass, then what has come back',
    { capacity: 3, rate: TEN_A_SECOND },
    [
      { t: t0, cost: 2, ok: true, level: 2 * T },
      { t: t0, cost: 2, ok: false, level: 2 * T },
      { t: t0, ok: true, level: 3 * T },
      { t: t0, ok: false, level: 3 * T },
      { t: t1, cost: 4, ok: false, level: 2 * T, retryAfterMs: null },
      { t: t2, ok: true, level: 2 * T },
      { t: t3, ok: true, level: 2 * T },
      { t: t5, ok: true, level: T },
      { t: t5, ok: true, level: 2 * T },
      { t: t5, ok: true, level: 3 * T },
      { t: t5, ok: false, level: 3 * T },
      { t: t9, cost: 3, ok: true, level: 3 * T },
      { t: t9, cost: 0, ok: true, level: 3 * T },
    ],
  ],
  [
    'earns nothing when the clock jumps back, and again what it earns from there',
    { capacity: 3, rate: TEN_A_SECOND },
    [
      { t: t1, ok: true, level: T },
      { t: t0, ok: true, level: 2 * T },
      { t: t0, ok: true, level: 3 * T },
      { t: t0, ok: false, level: 3 * T },
      { t: t1, ok: true, level: 3 * T },
      { t: t1, ok: false, level: 3 * T },
    ],
  ],
  [
    'is exact to the microsecond',
    { capacity: 1, rate: '3/s' },
    [
      { t: 0, ok: true, level: S, remaining: 0, retryAfterMs: 0, resetAfterMs: 334 },
      { t: 0, ok: false, level: S, retryAfterMs: 334 },
      { t: 333_333, ok: false, level: 1, retryAfterMs: 1, resetAfterMs: 1 },
      { t: 333_334, ok: true, level: S },
      { t: 666_666, ok: false, level: 4 },
      { t: 666_668, ok: true, level: S },
    ],
  ],
  [
    'rounds what is left down and every time up',
    { capacity: 2, rate: '1/s' },
    [
      { t: 0, cost: 2, ok: true, level: 2 * S, remaining: 0, resetAfterMs: 2000 },
      { t: 1, ok: false, remaining: 0, retryAfterMs: 1000, resetAfterMs: 2000 },
      { t: 999_999, ok: false, remaining: 0, retryAfterMs: 1, resetAfterMs: 1001 },
      { t: 1_000_000, peek: true, cost: 0, ok: true, remaining: 1, resetAfterMs: 1000 },
      { t: 1_999_999, peek: true, cost: 0, ok: true, remaining: 1, resetAfterMs: 1 },
      { t: 2_000_000, peek: true, cost: 0, ok: true, remaining: 2, resetAfterMs: 0 },
    ],
  ],
  [
    'admits whoever waits exactly as long as it said',
    { capacity: 5, rate: '7/min' },
    [
      { t: 0, cost: 5, ok: true },
      { t: 0, cost: 3, ok: false, retryAfterMs: 25_715 },
      { t: 25_714_000, cost: 3, ok: false, retryAfterMs: 1 },
      { t: 25_715_000, cost: 3, ok: true },
    ],
  ],
  [
    'takes nothing for a cost of 0, nor for a peek, nor for a refusal',
    { capacity: 2, rate: '1/s' },
    [
      { t: 0, cost: 0, ok: true, level: 0, remaining: 2 },
      { t: 0, cost: 2, peek: true, ok: true, level: 2 * S, remaining: 0 },
      { t: 0, cost: 2, ok: true, level: 2 * S },
      { t: 0, cost: 0, ok: true, level: 2 * S, remaining: 0 },
      { t: 500_000, cost: 1, ok: false, level: 1_500_000 },
      { t: 500_000, cost: 3, ok: false, level: 1_500_000, retryAfterMs: null },
      { t: S, cost: 1, ok: true, level: 2 * S },
    ],
  ],
  [
    'counts up to 2^53 - 1 without losing one',
    { capacity: Number.MAX_SAFE_INTEGER, rate: '1000000/s' },
    [
      { t: 0, cost: Number.MAX_SAFE_INTEGER - 1, ok: true, remaining: 1 },
      { t: 0, cost: 1, ok: true, remaining: 0, level: Number.MAX_SAFE_INTEGER },
      { t: 1, cost: 2, ok: false, remaining: 1, level: Number.MAX_SAFE_INTEGER - 1 },
      { t: 1, cost: 1, ok: true, remaining: 0, level: Number.MAX_SAFE_INTEGER },
    ],
  ],
  [
    'gives back no more than was taken, and says whether there was anything',
    { capacity: 10, rate: '1/s' },
    [
      { t: 0, refund: 1, ok: false },
      { t: 0, cost: 5, ok: true, level: 5 * S },
      { t: 0, refund: 2, ok: true },
      { t: 0, cost: 0, ok: true, level: 3 * S },
      { t: S, refund: 1, ok: true },
      { t: S, cost: 0, ok: true, level: S },
      { t: S, refund: 100, ok: true },
      { t: S, cost: 10, ok: true, level: 10 * S },
      { t: S, refund: Number.MAX_SAFE_INTEGER, ok: true },
      { t: S, cost: 0, ok: true, level: 0, remaining: 10 },
      { t: S, refund: 0, ok: false },
      { t: S, cost: 1, ok: true },
      { t: 2 * S, refund: 1, ok: false },
    ],
  ],
];

describe.each(makers)('a token bucket on the %s', (_, make) => {
  it.each(tables)('%s', async (_title, options, rows) => {
    await new Table(make).play(tokenBucket(options), rows);
  });
});
