import { describe, expect, it } from '@jest/globals';
import { leakyBucket, tokenBucket } from '../../../lib/options/make-policy.js';
import type { Policy } from '../../../lib/options/policy.js';
import { makers, type Row, Table } from '../../support/table.js';

const S = 1_000_000;
const policy = (capacity: number, rate: string): Policy => tokenBucket({ capacity, rate });
// One token is 1,000,000, 500,000 and again 1,000,000 ticks.
const [one, two, three] = [policy(10, '1/s'), policy(10, '2/s'), policy(10, '3/s')];
const ask = { cost: 0, peek: true } as const;

const tables: [string, Row[]][] = [
  [
    'drains at the faster rate where both count in the same ticks, whichever of them wrote',
    [
      { t: 0, by: one, cost: 4, ok: true, level: 4 * S },
      { t: S, by: three, ...ask, level: S },
      { t: S, by: one, ...ask, level: 3 * S },
    ],
  ],
  [
    'drains at the faster rate of its writer too, until it is written again',
    [
      { t: 0, by: three, cost: 4, ok: true },
      { t: S, by: one, ...ask, level: S },
      { t: S, by: one, cost: 1, ok: true, level: 2 * S },
      { t: 2 * S, by: one, ...ask, level: S },
    ],
  ],
  [
    'is rounded up to a whole token before a faster reader drains it',
    [
      { t: 0, by: one, cost: 3, ok: true },
      { t: S / 2, by: one, cost: 1, ok: true, level: 3.5 * S },
      // 3.5 tokens become 4, and half a second of two a second is one of them.
      { t: S, by: two, ...ask, level: 1.5 * S },
    ],
  ],
  [
    'is rounded up to a whole token after a faster writer drained it',
    [
      { t: 0, by: two, cost: 4, ok: true },
      // 2.5 tokens are left.
      { t: 0.75 * S, by: one, ...ask, level: 3 * S },
    ],
  ],
  [
    'is full of tokens as soon as its own rate has filled it, whatever the rounding says',
    [
      { t: 0, by: one, cost: 1, ok: true },
      { t: S / 2, by: one, cost: 1, ok: true },
      { t: 2 * S - 1, by: policy(10, '11/10s'), ...ask, level: 3_500_011 },
      { t: 2 * S, by: policy(10, '11/10s'), ...ask, level: 0, remaining: 10 },
    ],
  ],
  [
    'shows a raise of the capacity at once',
    [
      { t: 0, by: policy(2, '1/s'), cost: 2, ok: true },
      { t: 0, by: policy(5, '1/s'), ...ask, remaining: 3 },
      { t: 0, by: policy(5, '1/s'), cost: 4, ok: false, retryAfterMs: 1000 },
      { t: 0, by: policy(5, '1/s'), cost: 3, ok: true, remaining: 0 },
    ],
  ],
  [
    'keeps what is above a lowered capacity: raising it again mints nothing',
    [
      { t: 0, by: one, cost: 10, ok: true },
      { t: 0, by: policy(2, '1/s'), cost: 0, ok: false, level: 10 * S, remaining: 0, retryAfterMs: 8000 },
      { t: 0, by: policy(2, '1/s'), cost: 1, ok: false, remaining: 0, retryAfterMs: 9000 },
      { t: 0, by: one, ...ask, level: 10 * S, remaining: 0 },
      { t: 8 * S, by: policy(2, '1/s'), cost: 0, ok: true, remaining: 0 },
      { t: 9 * S, by: policy(2, '1/s'), cost: 1, ok: true, remaining: 0 },
    ],
  ],
  [
    'is not changed by who asks, or is refused, under another policy',
    [
      { t: 0, by: one, cost: 10, ok: true },
      { t: S / 2, by: two, cost: 10, ok: false },
      { t: S / 2, by: policy(1, '7/day'), cost: 1, ok: false },
      { t: S / 2, by: three, ...ask },
      { t: S, by: one, ...ask, level: 9 * S },
    ],
  ],
  [
    'earns nothing from being read to and fro',
    [
      { t: 0, by: two, cost: 10, ok: true, level: 5 * S },
      { t: 100_000, by: one, cost: 1, ok: false },
      { t: 200_000, by: two, cost: 1, ok: false },
      { t: 300_000, by: one, cost: 1, ok: false },
      { t: 499_999, by: two, cost: 1, ok: false, retryAfterMs: 1 },
      { t: 500_000, by: two, cost: 1, ok: true, remaining: 0 },
    ],
  ],
];

describe.each(makers)('a bucket read under another policy on the %s', (_, make) => {
  it.each(tables)('%s', async (_title, rows) => {
    await new Table(make).play(one, rows);
  });

  it('stays exact past 2^53', async () => {
    const table = new Table(make);
    await table.take(0, [{ policy: policy(1_000_000, '1000000/h'), cost: 1_000_000 }]);
    expect(await table.take(0, [{ policy: policy(100, '999983/day') }])).toEqual([
      {
        ok: false,
        level: 86_400_000_000_000_000n,
        remaining: 0,
        retryAfterMs: 86_392_916,
        resetAfterMs: 86_401_469,
        delayMs: 0,
      },
    ]);
  });

  it('keeps its line when a meter starts to shape', async () => {
    const numbers = { capacity: 10, rate: '10/s' };
    await new Table(make).play(leakyBucket(numbers), [
      { t: 0, by: leakyBucket({ ...numbers, shape: false }), cost: 3, ok: true, delayMs: 0 },
      { t: 0, ok: true, delayMs: 300 },
      { t: 0, by: tokenBucket(numbers), cost: 7, ok: false, retryAfterMs: 100, delayMs: 0 },
    ]);
  });
});
