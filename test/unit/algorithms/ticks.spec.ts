import { describe, expect, it, test } from '@jest/globals';
import type { Fraction } from '../../../lib/algorithms/fraction.js';
import { parseRate } from '../../../lib/algorithms/rate.js';
import { fitScale, MAX_TICKS, type Scale } from '../../../lib/algorithms/ticks.js';
import { oracleRate } from '../../support/oracle/rate.js';
import { Random } from '../../support/oracle/scenario.js';

const MAX = BigInt(MAX_TICKS);

function scaleOf(rate: number | string, capacity: number): Scale | undefined {
  const fraction = parseRate(rate);
  if (fraction === undefined) throw new Error(`${rate} is no rate`);
  return fitScale(fraction, capacity);
}

const scale = (ticksPerMicro: number, ticksPerToken: number): Scale => ({ ticksPerToken, ticksPerMicro });

/** The largest fraction not above a rate of at most one token per microsecond: tries every numerator. */
function largestByTrial({ numerator, denominator }: Fraction, maxDenominator: bigint): Scale {
  let [n, p] = [0n, 1n];
  for (let a = 1n; ; a++) {
    const b = (a * denominator + numerator - 1n) / numerator;
    if (b > maxDenominator) return scale(Number(n), Number(p));
    if (a * p > n * b) [n, p] = [a, b];
  }
}

describe('fitScale', () => {
  test.each<[number | string, number, number, number]>([
    ['5/s', 10, 1, 200_000],
    ['3/s', 1, 3, 1_000_000],
    ['7/day', 100, 7, 86_400_000_000],
    // 2^53 - 1 ticks and not one more.
    ['1000000/s', MAX_TICKS, 1, 1],
    ['500000/s', 4_503_599_627_370_495, 1, 2],
    ['999983/day', 104_249, 999_983, 86_400_000_000],
    [1e15, 10, 1e9, 1],
  ])('keeps %p for a capacity of %p as %p ticks per µs, %p per token', (rate, capacity, n, p) => {
    expect(scaleOf(rate, capacity)).toEqual(scale(n, p));
  });

  test.each<[number | string, number, number, number]>([
    ['999983/day', 1_000_000, 39_599, 3_421_411_764],
    ['999983/day', 104_250, 919_951, 79_485_117_647],
  ])('lowers %p for a capacity of %p to %p/%p', (rate, capacity, n, p) => {
    expect(scaleOf(rate, capacity)).toEqual(scale(n, p));
  });

  test.each<[number | string, number]>([
    ['500000/s', 4_503_599_627_370_496],
    ['1/day', 104_250],
    ['7/day', 1e12],
    ['1/day', 1e9],
    [Number.MIN_VALUE, 1],
    [1e-300, 1],
    [Number.MAX_VALUE, 1],
    [1e300, 10],
  ])('has no scale for %p with a capacity of %p', (rate, capacity) => {
    expect(scaleOf(rate, capacity)).toBeUndefined();
  });

  it.each([104_250, 200_000, 999_999, 1_000_000, 1_234_567])(
    'finds for 999983/day and a capacity of %p what a trial of every numerator finds',
    (capacity) => {
      const found = largestByTrial(parseRate('999983/day')!, MAX / BigInt(capacity));
      expect(scaleOf('999983/day', capacity)).toEqual(found);
    },
  );

  it('agrees with the oracle on thousands of rates and capacities', () => {
    const random = new Random(4);
    const seen = { exact: 0, lowered: 0, unfit: 0 };
    const wrong: unknown[] = [];
    for (let i = 0; i < 3000; i++) {
      const capacity = random.spread(random.pick([100, 1e6, 1e9, MAX_TICKS]));
      const unit = random.pick(['ms', 's', 'min', 'h', 'day']);
      const rate = random.chance(0.3)
        ? random.unit() * 10 ** (random.below(12) - 6)
        : `${random.spread(1e9)}/${random.spread(1e4)}${unit}`;
      const expected = oracleRate(rate, capacity);
      const found = scaleOf(rate, capacity);
      if (typeof expected === 'string') {
        seen.unfit++;
        if (found !== undefined) wrong.push([rate, capacity, found]);
      } else {
        const exact = parseRate(rate)!.denominator === expected.micros;
        seen[exact ? 'exact' : 'lowered']++;
        const same =
          BigInt(found?.ticksPerMicro ?? 0) === expected.tokens &&
          BigInt(found?.ticksPerToken ?? 0) === expected.micros;
        if (!same) wrong.push([rate, capacity, found]);
      }
    }
    expect(wrong).toEqual([]);
    expect(Object.values(seen).filter((times) => times < 100)).toEqual([]);
  });

  it('never lets a full bucket pass 2^53 - 1, a rate rise, or a rate fall by more than one part in 10^9', () => {
    const random = new Random(5);
    const wrong: unknown[] = [];
    for (let i = 0; i < 3000; i++) {
      const [tokens, hours, capacity] = [random.spread(1e9), random.spread(1e4), random.spread(1e12)];
      const found = scaleOf(`${tokens}/${hours}h`, capacity);
      if (found === undefined) continue;
      const [n, p] = [BigInt(found.ticksPerMicro), BigInt(found.ticksPerToken)];
      const [wanted, given] = [BigInt(tokens) * p, n * BigInt(hours) * 3_600_000_000n];
      const fits = BigInt(capacity) * p <= MAX && n <= MAX;
      if (!fits || given > wanted || (wanted - given) * 1_000_000_000n > wanted) {
        wrong.push([tokens, hours, capacity, found]);
      }
    }
    expect(wrong).toEqual([]);
  });
});
