/** An exact fraction: lowest terms, `den` > 0, so that two equal values are equal field by field. */
export interface Rational {
  readonly num: bigint;
  readonly den: bigint;
}

// Jest runs a module in a context where each look-up of a global is slow, and these are millions.
const toBigInt = BigInt;
const toNumber = Number;
const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

export const ZERO: Rational = { num: 0n, den: 1n };

export function ratio(num: bigint, den: bigint): Rational {
  if (den === 0n) throw new RangeError(`${num}/0 is not a number`);
  if (den === 1n) return { num, den };
  const shared = gcd(num, den);
  // The sign lives in the numerator: floor, ceil and compare rely on it.
  const divisor = den < 0n ? -shared : shared;
  return { num: num / divisor, den: den / divisor };
}

export function whole(value: bigint | number): Rational {
  return { num: typeof value === 'bigint' ? value : toBigInt(value), den: 1n };
}

export function compare(a: Rational, b: Rational): number {
  const left = a.num * b.den;
  const right = b.num * a.den;
  return left < right ? -1 : left > right ? 1 : 0;
}

export function max(a: Rational, b: Rational): Rational {
  return compare(a, b) < 0 ? b : a;
}

export function min(a: Rational, b: Rational): Rational {
  return compare(a, b) > 0 ? b : a;
}

export function add(a: Rational, b: Rational): Rational {
  if (a.den === b.den) return ratio(a.num + b.num, a.den);
  return ratio(a.num * b.den + b.num * a.den, a.den * b.den);
}

export function subtract(a: Rational, b: Rational): Rational {
  return add(a, { num: -b.num, den: b.den });
}

export function multiply(a: Rational, b: Rational): Rational {
  return ratio(a.num * b.num, a.den * b.den);
}

export function divide(a: Rational, b: Rational): Rational {
  return ratio(a.num * b.den, a.den * b.num);
}

export function floor(value: Rational): bigint {
  // BigInt division truncates toward zero, which is upward for a negative value.
  const towardZero = value.num / value.den;
  return value.num < towardZero * value.den ? towardZero - 1n : towardZero;
}

export function ceil(value: Rational): bigint {
  return -floor({ num: -value.num, den: value.den });
}

/** Always positive for `b` ≠ 0. Ends in doubles, which are exact this small and several times faster. */
function gcd(a: bigint, b: bigint): bigint {
  let large = a < 0n ? -a : a;
  let small = b < 0n ? -b : b;
  while (small > MAX_SAFE) [large, small] = [small, large % small];
  if (small === 0n) return large;
  let divisor = toNumber(small);
  let rest = toNumber(large % small);
  while (rest !== 0) [divisor, rest] = [rest, divisor % rest];
  return toBigInt(divisor);
}
