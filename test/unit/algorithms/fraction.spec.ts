import { describe, expect, it } from '@jest/globals';
import {
  type Fraction,
  largestWithin,
  lowestTerms,
  simplestFraction,
} from '../../../lib/algorithms/fraction.js';
import { doubleAsFraction, neighbours } from '../../support/doubles.js';
import { Random } from '../../support/oracle/scenario.js';

const fraction = (numerator: bigint, denominator: bigint): Fraction => ({ numerator, denominator });
const isSame = (a: Fraction, b: Fraction) => a.numerator === b.numerator && a.denominator === b.denominator;
const isBelow = (a: Fraction, b: Fraction) => a.numerator * b.denominator < b.numerator * a.denominator;

/** Half-way between two doubles. */
function middle(a: number, b: number): Fraction {
  const [x, y] = [doubleAsFraction(a), doubleAsFraction(b)];
  return fraction(
    x.numerator * y.denominator + y.numerator * x.denominator,
    2n * x.denominator * y.denominator,
  );
}

/** Exact, where `Number(a) / Number(b)` would have lost the digits of a and b. */
function roundsTo(found: Fraction, value: number): boolean {
  const { below, above } = neighbours(value);
  return isBelow(middle(below, value), found) && isBelow(found, middle(value, above));
}

/** Tries every denominator. The quotient of small integers is the double nearest to the fraction. */
function simplestByTrial(value: number): Fraction {
  for (let denominator = 1; ; denominator++) {
    const numerator = Math.round(value * denominator);
    if (numerator / denominator === value) return fraction(BigInt(numerator), BigInt(denominator));
  }
}

describe('lowestTerms', () => {
  it.each([
    [6n, 4n, 3n, 2n],
    [0n, 7n, 0n, 1n],
    [5n, 5n, 1n, 1n],
    [10n ** 40n, 10n ** 30n, 10n ** 10n, 1n],
    [7n, 86_400_000_000n, 7n, 86_400_000_000n],
  ])('%p/%p is %p/%p', (numerator, denominator, n, d) => {
    expect(lowestTerms(numerator, denominator)).toEqual(fraction(n, d));
  });
});

describe('simplestFraction', () => {
  it.each([
    [1, 1n, 1n],
    [0.1, 1n, 10n],
    [0.5, 1n, 2n],
    [100 / 60, 5n, 3n],
    [1 / 3, 1n, 3n],
    [2 / 3, 2n, 3n],
    [7 / 86_400, 7n, 86_400n],
    [1_234_567.891, 1_234_567_891n, 1000n],
    [2 ** 53, 2n ** 53n, 1n],
    [1e21, 10n ** 21n, 1n],
    [2 ** -30, 1n, 2n ** 30n],
    // Below a power of two doubles lie twice as close as above it.
    [2 ** -60, 1n, 2n ** 60n - 127n],
  ])('of %p is %p/%p', (value, numerator, denominator) => {
    expect(simplestFraction(value)).toEqual(fraction(numerator, denominator));
  });

  it('of π is no 355/113, which is another double', () => {
    const { numerator, denominator } = simplestFraction(Math.PI);
    expect(Number(numerator) / Number(denominator)).toBe(Math.PI);
    expect([numerator, denominator]).toEqual([245_850_922n, 78_256_779n]);
  });

  it.each([
    Number.MIN_VALUE,
    3 * Number.MIN_VALUE,
    2 ** -1022,
    2 ** -1022 - Number.MIN_VALUE,
    2 ** -1021,
    1 - 2 ** -53,
    1 + 2 ** -52,
    Number.EPSILON,
    2 ** 52 + 0.5,
    1e-300,
  ])('of %p rounds to that double', (value) => {
    expect(roundsTo(simplestFraction(value), value)).toBe(true);
  });

  it('rounds to its double and is in lowest terms, for doubles of every size', () => {
    const random = new Random(1);
    const doubles = Array.from({ length: 800 }, () => {
      return random.unit() * 2 ** (random.below(1074) - 1021) + Number.MIN_VALUE;
    });
    const wrong = doubles.filter((value) => {
      const found = simplestFraction(value);
      const { denominator } = lowestTerms(found.numerator, found.denominator);
      return denominator !== found.denominator || !roundsTo(found, value);
    });
    expect(wrong).toEqual([]);
  });

  it('finds again the small fraction that a double was computed from', () => {
    const sizes = Array.from({ length: 150 }, (_, index) => index + 1);
    const wrong = sizes.flatMap((numerator) =>
      sizes.filter((denominator) => {
        const expected = lowestTerms(BigInt(numerator), BigInt(denominator));
        return !isSame(simplestFraction(numerator / denominator), expected);
      }),
    );
    expect(wrong).toEqual([]);
  });

  it('has the smallest denominator of all, found by trying each', () => {
    const random = new Random(2);
    // Few digits in one base or the other, so that a trial ends.
    const doubles = Array.from({ length: 300 }, () =>
      random.chance(0.5)
        ? (random.below(1e6) + 1) / 10 ** (1 + random.below(4))
        : (random.below(2 ** 20) + 1) / 2 ** (1 + random.below(14)),
    );
    expect(doubles.filter((value) => !isSame(simplestFraction(value), simplestByTrial(value)))).toEqual([]);
  });
});

describe('largestWithin', () => {
  /** Tries every denominator. */
  function largestByTrial(target: Fraction, maxNumerator: bigint, maxDenominator: bigint): Fraction {
    let best = fraction(0n, 1n);
    for (let denominator = 1n; denominator <= maxDenominator; denominator++) {
      const exact = (target.numerator * denominator) / target.denominator;
      const numerator = exact < maxNumerator ? exact : maxNumerator;
      if (isBelow(best, fraction(numerator, denominator))) best = fraction(numerator, denominator);
    }
    return lowestTerms(best.numerator, best.denominator);
  }

  it.each([
    [1n, 1n],
    [1n, 9n],
    [9n, 1n],
    [5n, 7n],
    [8n, 30n],
    [30n, 8n],
    [100n, 100n],
  ])('is the largest of at most %p/%p that is not above the target', (maxNumerator, maxDenominator) => {
    const sizes = Array.from({ length: 30 }, (_, index) => BigInt(index + 1));
    const targets = sizes.flatMap((numerator) => sizes.map((of) => lowestTerms(numerator, of)));
    const wrong = targets.filter((target) => {
      const found = largestWithin(target, maxNumerator, maxDenominator);
      return !isSame(found, largestByTrial(target, maxNumerator, maxDenominator));
    });
    expect(wrong).toEqual([]);
  });

  it('takes a run of 10^12 equal turns in one step', () => {
    const justBelowOne = fraction(10n ** 15n - 1n, 10n ** 15n);
    expect(largestWithin(justBelowOne, 10n ** 18n, 10n ** 12n)).toEqual(
      fraction(10n ** 12n - 1n, 10n ** 12n),
    );
    expect(largestWithin(fraction(1n, 10n ** 15n), 10n ** 18n, 10n ** 12n)).toEqual(fraction(0n, 1n));
  });
});
