import { add, ceil, compare, divide, floor, type Rational, ratio, subtract, whole } from './rational.js';

/** `tokens` per `micros` microseconds, in lowest terms. */
export interface TickRate {
  tokens: bigint;
  micros: bigint;
}

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);
const MAX_LOSS = ratio(1n, 1_000_000_000n);
const SECOND = whole(1_000_000n);

const UNITS: ReadonlyArray<readonly [spelling: RegExp, micros: bigint]> = [
  [/^ms$/, 1_000n],
  [/^(s|sec|seconds?)$/, 1_000_000n],
  [/^(min|minutes?)$/, 60_000_000n],
  [/^(h|hours?)$/, 3_600_000_000n],
  [/^(d|days?)$/, 86_400_000_000n],
];

/**
 * What `rate` means for a bucket of this capacity: itself where every value fits below 2^53, else the largest
 * fraction below it that does. `'unfit'` where that would lose more than one part in 10^9.
 */
export function oracleRate(rate: number | string, capacity: number): TickRate | 'unfit' | 'invalid' {
  if (!Number.isSafeInteger(capacity) || capacity < 1) return 'invalid';
  const exact = typeof rate === 'number' ? fromNumber(rate) : fromString(rate);
  if (exact === undefined || exact.num <= 0n) return 'invalid';
  const fitting = largestAtMost(exact, MAX_SAFE, MAX_SAFE / BigInt(capacity));
  const loss = divide(subtract(exact, fitting), exact);
  return compare(loss, MAX_LOSS) > 0 ? 'unfit' : { tokens: fitting.num, micros: fitting.den };
}

function fromNumber(perSecond: number): Rational | undefined {
  if (!Number.isFinite(perSecond) || perSecond <= 0) return undefined;
  return divide(simplestThatIs(perSecond), SECOND);
}

function fromString(text: string): Rational | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*\/\s*(\d+(?:\.\d+)?)?\s*([a-z]+)\s*$/.exec(text);
  if (match === null) return undefined;
  const [, amount = '', count = '1', spelling = ''] = match;
  const micros = UNITS.find(([unit]) => unit.test(spelling))?.[1];
  const units = decimal(count);
  if (micros === undefined || units.num === 0n) return undefined;
  return divide(divide(decimal(amount), units), whole(micros));
}

function decimal(text: string): Rational {
  const [integer = '', fraction = ''] = text.split('.');
  return ratio(BigInt(integer + fraction), 10n ** BigInt(fraction.length));
}

/** The fraction of the smallest denominator that rounds to this double; an integer is itself. */
function simplestThatIs(value: number): Rational {
  if (Number.isInteger(value)) return whole(value);
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  const word = bits.getBigUint64(0);
  const exponent = (word >> 52n) & 0x7ffn;
  const digits = word & (2n ** 52n - 1n);
  const mantissa = exponent === 0n ? digits : digits + 2n ** 52n;
  // value = mantissa / 2^scale. Below a power of two doubles lie twice as close: half the half-way distance.
  const scale = exponent === 0n ? 1074n : 1075n - exponent;
  const nearer = digits === 0n && exponent > 1n;
  const quarter = 2n ** (scale + 2n);
  const low = ratio(4n * mantissa - (nearer ? 1n : 2n), quarter);
  const high = ratio(4n * mantissa + 2n, quarter);
  // A number half-way between two doubles rounds to the one with the even mantissa.
  return simplestBetween(low, high, mantissa % 2n === 0n);
}

/** `high` undefined: no upper end. `closed`: the ends belong to the interval. */
function simplestBetween(low: Rational, high: Rational | undefined, closed: boolean): Rational {
  const below = floor(low);
  const first = closed ? ceil(low) : below + 1n;
  if (high === undefined) return whole(first);
  const side = compare(whole(first), high);
  if (side < 0 || (side === 0 && closed)) return whole(first);
  // No integer inside: all of it lies between two, so take the integer part off and turn the rest over.
  const base = whole(below);
  const rest = subtract(low, base);
  const turned = rest.num === 0n ? undefined : divide(whole(1n), rest);
  const inner = simplestBetween(divide(whole(1n), subtract(high, base)), turned, closed);
  return add(base, divide(whole(1n), inner));
}

/**
 * Walks the Stern–Brocot tree toward `target`, a run of equal turns at a time. Every fraction strictly
 * between the two ends has at least the sum of their numerators and of their denominators: once a sum is out
 * of bounds, nothing between `low` and `target` is within them.
 */
function largestAtMost(target: Rational, maxNum: bigint, maxDen: bigint): Rational {
  if (target.num <= maxNum && target.den <= maxDen) return target;
  let low = { num: 0n, den: 1n };
  let high = { num: 1n, den: 0n };
  for (;;) {
    const up = least(run(target, low, high), room(low, high, maxNum, maxDen));
    low = step(low, high, up);
    const down = least(run(target, high, low), room(high, low, maxNum, maxDen));
    high = step(high, low, down);
    if (up === 0n && down === 0n) return low;
  }
}

/** How many times `toward` can be added to `from` before it is past the target. */
function run(target: Rational, from: Rational, toward: Rational): bigint {
  // Neither end is ever the target: the ends are within the bounds, and it is not.
  return cross(target, from) / cross(toward, target);
}

function room(from: Rational, toward: Rational, maxNum: bigint, maxDen: bigint): bigint {
  const nums = toward.num === 0n ? MAX_SAFE : (maxNum - from.num) / toward.num;
  const dens = toward.den === 0n ? MAX_SAFE : (maxDen - from.den) / toward.den;
  return least(nums, dens);
}

function cross(a: Rational, b: Rational): bigint {
  return a.num * b.den - b.num * a.den;
}

function step(from: Rational, toward: Rational, times: bigint): Rational {
  return { num: from.num + times * toward.num, den: from.den + times * toward.den };
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
