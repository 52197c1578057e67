import { describe, expect, it } from '@jest/globals';
import {
  ceilDivide,
  difference,
  larger,
  MAX_TICKS,
  minus,
  product,
  type Ticks,
} from '../../../lib/algorithms/ticks.js';
import { Random } from '../../support/oracle/scenario.js';

const EDGES = [
  0,
  1,
  2,
  3,
  999,
  1_000_000,
  2 ** 26,
  2 ** 27 - 1,
  94_906_265,
  94_906_266,
  2 ** 52,
  MAX_TICKS - 1,
  MAX_TICKS,
];
const WIDE = [...EDGES, 2n ** 53n, 2n ** 53n + 1n, 2n ** 80n, BigInt(MAX_TICKS) ** 2n];

/** Every sequence of so many operands. */
function sequences<T>(values: readonly T[], length: number): T[][] {
  if (length === 0) return [[]];
  return sequences(values, length - 1).flatMap((start) => values.map((value) => [...start, value]));
}

/** A number up to 2^53 - 1 and a bigint past it: whoever compares the two kinds relies on it. */
function is(found: Ticks, exact: bigint): boolean {
  const isWide = exact > BigInt(MAX_TICKS) || exact < -BigInt(MAX_TICKS);
  return found === (isWide ? exact : Number(exact)) && !Object.is(found, -0);
}

const ceiling = (a: bigint, b: bigint): bigint => (a + b - 1n) / b;

describe('arithmetic past 2^53', () => {
  it('difference is a × b - c × d', () => {
    const wrong = sequences(EDGES, 4).filter(([a, b, c, d]) => {
      const exact = BigInt(a!) * BigInt(b!) - BigInt(c!) * BigInt(d!);
      return !is(difference(a!, b!, c!, d!), exact);
    });
    expect(wrong).toEqual([]);
  });

  it('product is a × b, of a narrow and a wide number too', () => {
    const wrong = EDGES.flatMap((a) =>
      WIDE.filter((b) => !is(product(a, b), BigInt(a) * BigInt(b))).map((b) => [a, b]),
    );
    expect(wrong).toEqual([]);
  });

  it('minus is a - b, and narrow again where it fits', () => {
    const wrong = WIDE.flatMap((a) =>
      EDGES.filter((b) => !is(minus(a, b), BigInt(a) - BigInt(b))).map((b) => [a, b]),
    );
    expect(wrong).toEqual([]);
  });

  it('ceilDivide is ⌈a ÷ b⌉', () => {
    const wrong = WIDE.flatMap((a) =>
      EDGES.slice(1)
        .filter((b) => !is(ceilDivide(a, b), ceiling(BigInt(a), BigInt(b))))
        .map((b) => [a, b]),
    );
    expect(wrong).toEqual([]);
  });

  it('ceilDivide does not lose the last unit of a quotient to the rounding of a double', () => {
    const random = new Random(6);
    const wrong: unknown[] = [];
    for (let i = 0; i < 20_000; i++) {
      const b = random.spread(MAX_TICKS);
      const multiple = b * Math.floor((MAX_TICKS / b) * random.unit());
      for (const a of [multiple - 1, multiple, multiple + 1]) {
        if (a < 0 || a > MAX_TICKS) continue;
        if (!is(ceilDivide(a, b), ceiling(BigInt(a), BigInt(b)))) wrong.push([a, b]);
      }
    }
    expect(wrong).toEqual([]);
  });

  it.each<[Ticks, Ticks, Ticks]>([
    [1, 2, 2],
    [2, 1, 2],
    [MAX_TICKS, 2n ** 53n, 2n ** 53n],
    [2n ** 60n, 0, 2n ** 60n],
    [2n ** 60n, 2n ** 61n, 2n ** 61n],
  ])('the larger of %p and %p is %p', (a, b, expected) => {
    expect(larger(a, b)).toBe(expected);
  });
});
