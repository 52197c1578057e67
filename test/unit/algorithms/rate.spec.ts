import { describe, expect, it, test } from '@jest/globals';
import { parseRate } from '../../../lib/algorithms/rate.js';
import { oracleRate } from '../../support/oracle/rate.js';
import { Random } from '../../support/oracle/scenario.js';

const [SECOND, MINUTE, HOUR, DAY] = [1_000_000n, 60_000_000n, 3_600_000_000n, 86_400_000_000n];

describe('a rate as a text', () => {
  test.each([
    ['ms', 1000n],
    ['s', SECOND],
    ['sec', SECOND],
    ['second', SECOND],
    ['seconds', SECOND],
    ['min', MINUTE],
    ['minute', MINUTE],
    ['minutes', MINUTE],
    ['h', HOUR],
    ['hour', HOUR],
    ['hours', HOUR],
    ['d', DAY],
    ['day', DAY],
    ['days', DAY],
  ])('knows the unit %p', (unit, micros) => {
    expect(parseRate(`1/${unit}`)).toEqual({ numerator: 1n, denominator: micros });
    expect(parseRate(`7/11${unit}`)).toEqual({ numerator: 7n, denominator: 11n * micros });
  });

  test.each([
    ['5/s', 1n, 200_000n],
    ['100/min', 1n, 600_000n],
    ['1000/h', 1n, 3_600_000n],
    ['7/day', 7n, DAY],
    ['30/10s', 3n, SECOND],
    ['1/250ms', 1n, 250_000n],
    ['0.5/s', 1n, 2n * SECOND],
    ['2.50/s', 1n, 400_000n],
    ['0.1/min', 1n, 10n * MINUTE],
    ['007/07s', 1n, SECOND],
    ['1000000/s', 1n, 1n],
    ['2500000/s', 5n, 2n],
    ['99999999999999999999/s', 99_999_999_999_999_999_999n, SECOND],
    [' 6 / 2 minutes ', 1n, 20n * SECOND],
    ['5\t/\n2\u00a0s', 1n, 400_000n],
  ])('%p is %p tokens in %p µs', (text, numerator, denominator) => {
    expect(parseRate(text)).toEqual({ numerator, denominator });
  });

  test.each([
    '',
    ' ',
    '5',
    '/s',
    '5/',
    '5/10',
    '0/s',
    '0.0/s',
    '5/0s',
    '-5/s',
    '+5/s',
    '5/-1s',
    '1e3/s',
    '0x5/s',
    '5./s',
    '.5/s',
    '5,5/s',
    '5_000/s',
    '5/0.5s',
    '5/S',
    '5/Min',
    '5/m',
    '5/us',
    '5/week',
    '5/month',
    '5/constructor',
    '5/toString',
    '5 per s',
    '5/s/s',
    '5/1 0s',
    '5 0/s',
    '5/s extra',
    '٥/s',
    'NaN/s',
    'Infinity/s',
    '100000000000000000000000/s',
  ])('%p is no rate', (text) => {
    expect(parseRate(text)).toBeUndefined();
  });
});

describe('a rate as a number', () => {
  test.each([
    [1, 1n, SECOND],
    [5, 1n, 200_000n],
    [0.1, 1n, 10n * SECOND],
    [100 / 60, 1n, 600_000n],
    [1 / 3, 1n, 3n * SECOND],
    [1e9, 1000n, 1n],
    [1e21, 10n ** 15n, 1n],
  ])('%p a second is %p tokens in %p µs', (rate, numerator, denominator) => {
    expect(parseRate(rate)).toEqual({ numerator, denominator });
  });

  test.each([0, -0, -1, -0.1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    '%p is no rate',
    (rate) => {
      expect(parseRate(rate)).toBeUndefined();
    },
  );
});

it('agrees with the text of the same number, and with the oracle, on thousands of rates', () => {
  const random = new Random(3);
  const wrong: unknown[] = [];
  for (let i = 0; i < 3000; i++) {
    const [tokens, count] = [random.spread(1e6), random.spread(100)];
    const unit = random.pick(['ms', 's', 'min', 'h', 'day']);
    const text = `${tokens}.${random.below(1000)}/${count}${unit}`;
    const parsed = parseRate(text);
    const expected = oracleRate(text, 1);
    if (typeof expected === 'string' || parsed?.numerator !== expected.tokens) wrong.push(text);
    if (parseRate(tokens / count)?.denominator !== parseRate(`${tokens}/${count}s`)?.denominator) {
      wrong.push(tokens / count);
    }
  }
  expect(wrong).toEqual([]);
});
