/** An exact non-negative fraction. The denominator is positive. */
export interface Fraction {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

export function lowestTerms(numerator: bigint, denominator: bigint): Fraction {
  const divisor = greatestCommonDivisor(numerator, denominator);
  return { numerator: numerator / divisor, denominator: denominator / divisor };
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}

/**
 * The fraction with the smallest denominator that rounds to this double: `0.1` is 1/10, `100 / 60` is 5/3.
 * The number must be positive and finite.
 */
export function simplestFraction(value: number): Fraction {
  if (Number.isInteger(value)) return { numerator: BigInt(value), denominator: 1n };
  const { mantissa, exponent } = decompose(value);
  // Every real number nearer to `value` than to its neighbours lies between these two, in units of 2^(exponent - 2).
  const below = 4n * mantissa - (mantissa === 1n << 52n ? 1n : 2n);
  const above = 4n * mantissa + 2n;
  const scale = 1n << BigInt(2 - exponent);
  return simplestBetween(below, scale, above, scale);
}

/** `value = mantissa × 2^exponent`; for a number that is no integer the exponent is negative. */
function decompose(value: number): { mantissa: bigint; exponent: number } {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  const word = bits.getBigUint64(0);
  const biased = Number((word >> 52n) & 0x7ffn);
  const stored = word & ((1n << 52n) - 1n);
  return biased === 0
    ? { mantissa: stored, exponent: -1074 }
    : { mantissa: stored | (1n << 52n), exponent: biased - 1075 };
}

/** The simplest fraction strictly between a/b and c/d (d = 0 is infinity), by descent through continued fractions. */
function simplestBetween(a: bigint, b: bigint, c: bigint, d: bigint): Fraction {
  const whole = a / b;
  if ((whole + 1n) * d < c) return { numerator: whole + 1n, denominator: 1n };
  const inner = simplestBetween(d, c - whole * d, b, a - whole * b);
  return { numerator: whole * inner.numerator + inner.denominator, denominator: inner.numerator };
}

/**
 * The largest fraction not above `target` with bounded numerator and denominator: a walk down the Stern-Brocot
 * tree that takes each run of equal turns in one step.
 */
export function largestWithin(target: Fraction, maxNumerator: bigint, maxDenominator: bigint): Fraction {
  const { numerator: n, denominator: p } = target;
  let low: Fraction = { numerator: 0n, denominator: 1n };
  let high: Fraction = { numerator: 1n, denominator: 0n };
  for (;;) {
    const gapLow = n * low.denominator - low.numerator * p;
    if (gapLow === 0n) return low;
    const gapHigh = high.numerator * p - n * high.denominator;
    const up = least(gapLow / gapHigh, room(low, high, maxNumerator, maxDenominator));
    low = advance(low, high, up);
    const rest = gapLow - up * gapHigh;
    if (rest === 0n) return low;
    const down = least((gapHigh - 1n) / rest, room(high, low, maxNumerator, maxDenominator));
    high = advance(high, low, down);
    if (up === 0n && down === 0n) return low;
  }
}

/** How many times `step` can be added to `from` before a bound is passed. */
function room(from: Fraction, step: Fraction, maxNumerator: bigint, maxDenominator: bigint): bigint {
  const byNumerator = step.numerator === 0n ? undefined : (maxNumerator - from.numerator) / step.numerator;
  const byDenominator =
    step.denominator === 0n ? undefined : (maxDenominator - from.denominator) / step.denominator;
  if (byNumerator === undefined) return positive(byDenominator ?? 0n);
  return positive(byDenominator === undefined ? byNumerator : least(byNumerator, byDenominator));
}

function advance(from: Fraction, step: Fraction, times: bigint): Fraction {
  return {
    numerator: from.numerator + times * step.numerator,
    denominator: from.denominator + times * step.denominator,
  };
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const positive = (a: bigint): bigint => (a > 0n ? a : 0n);
