import { describe, expect, it } from '@jest/globals';
import { leakyBucket, tokenBucket } from '../../../lib/options/make-policy.js';
import { makers, type Row, Table } from '../../support/table.js';

const S = 1_000_000;
// One request is 100,000 ticks: a tenth of a second.
const T = 100_000;

const tables: [string, Parameters<typeof leakyBucket>[0], Row[]][] = [
  [
    'hands out places one interval apart, and refuses what it cannot hold',
    { capacity: 3, rate: '10/s' },
    [
      { t: 0, ok: true, delayMs: 0, level: T, remaining: 2 },
      { t: 0, ok: true, delayMs: 100, level: 2 * T, remaining: 1 },
      { t: 0, ok: true, delayMs: 200, level: 3 * T, remaining: 0 },
      { t: 0, ok: false, delayMs: 0, level: 3 * T, retryAfterMs: 100 },
      { t: 99_999, ok: false, delayMs: 0, retryAfterMs: 1 },
      { t: 100_000, ok: true, delayMs: 200, level: 3 * T },
    ],
  ],
  [
    'does not let a late request start early, nor an early one late',
    { capacity: 5, rate: '10/s' },
    [
      { t: 0, ok: true, delayMs: 0 },
      { t: 30_000, ok: true, delayMs: 70 },
      { t: 150_000, ok: true, delayMs: 50 },
      { t: 1 * S, ok: true, delayMs: 0 },
    ],
  ],
  [
    'keeps a place as wide as its cost',
    { capacity: 10, rate: '10/s' },
    [
      { t: 0, cost: 5, ok: true, delayMs: 0 },
      { t: 0, cost: 1, ok: true, delayMs: 500 },
      { t: 0, cost: 5, ok: false, retryAfterMs: 100 },
      { t: 0, cost: 4, ok: true, delayMs: 600 },
      { t: 0, cost: 11, ok: false, retryAfterMs: null },
    ],
  ],
  [
    'rounds a delay up, so that nobody starts before the place is free',
    { capacity: 5, rate: '3/s' },
    [
      { t: 0, ok: true, delayMs: 0 },
      { t: 0, ok: true, delayMs: 334 },
      { t: 0, ok: true, delayMs: 667, level: 3 * S },
      { t: 0, ok: true, delayMs: 1000 },
    ],
  ],
  [
    'refuses at once what would wait longer than maxWaitMs, though there is room',
    { capacity: 100, rate: '10/s', maxWaitMs: 150 },
    [
      { t: 0, ok: true, delayMs: 0 },
      { t: 0, ok: true, delayMs: 100 },
      { t: 0, ok: false, delayMs: 0, retryAfterMs: 50, remaining: 98 },
      { t: 49_999, ok: false, retryAfterMs: 1 },
      { t: 50_000, ok: true, delayMs: 150 },
    ],
  ],
  [
    'admits only what starts at once with maxWaitMs 0',
    { capacity: 100, rate: '10/s', maxWaitMs: 0 },
    [
      { t: 0, ok: true, delayMs: 0 },
      { t: 99_999, ok: false, retryAfterMs: 1 },
      { t: 100_000, ok: true, delayMs: 0 },
    ],
  ],
  [
    'is bounded by its capacity where maxWaitMs is longer than the whole line',
    { capacity: 2, rate: '10/s', maxWaitMs: 1e9 },
    [
      { t: 0, ok: true, delayMs: 0 },
      { t: 0, ok: true, delayMs: 100 },
      { t: 0, ok: false, retryAfterMs: 100 },
    ],
  ],
  [
    'never gives a place back, for those behind it do not move',
    { capacity: 3, rate: '10/s' },
    [
      { t: 0, ok: true, level: T },
      { t: 0, ok: true, level: 2 * T },
      { t: 0, refund: 1, ok: false },
      { t: 0, ok: true, level: 3 * T, delayMs: 200 },
    ],
  ],
  [
    'keeps its places apart when the clock steps back',
    { capacity: 3, rate: '10/s' },
    [
      { t: 1 * S, ok: true, delayMs: 0 },
      { t: 0, ok: true, delayMs: 100 },
      { t: 0, ok: true, delayMs: 200 },
      { t: 0, ok: false, retryAfterMs: 100 },
    ],
  ],
];

describe.each(makers)('a leaky bucket on the %s', (_, make) => {
  it.each(tables)('%s', async (_title, options, rows) => {
    await new Table(make).play(leakyBucket(options), rows);
  });

  it('as a meter answers like a token bucket, and never delays', async () => {
    const [meter, bucket] = [new Table(make), new Table(make)];
    const numbers = { capacity: 3, rate: '10/s' };
    for (const t of [0, 0, 0, 0, 40_000, 100_000, 100_000, 350_000, 350_000, 350_000]) {
      const expected = await bucket.take(t, [{ policy: tokenBucket(numbers) }]);
      expect(await meter.take(t, [{ policy: leakyBucket({ ...numbers, shape: false }) }])).toEqual(expected);
    }
  });

  it('as a meter gives back', async () => {
    const meter = leakyBucket({ capacity: 2, rate: '10/s', shape: false });
    await new Table(make).play(meter, [
      { t: 0, cost: 2, ok: true },
      { t: 0, refund: 1, ok: true },
      { t: 0, cost: 1, ok: true, level: 2 * T },
    ]);
  });
});
