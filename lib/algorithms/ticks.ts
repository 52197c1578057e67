import { type Fraction, largestWithin } from './fraction.js';

/**
 * An amount in ticks (or in microseconds), always an integer. It is a bigint only where it does not fit below 2^53,
 * which a stored level never does: see `levelAt`.
 */
export type Ticks = number | bigint;

/** The largest value that is ever stored or compared: every integer up to it is an exact double, in Lua too. */
export const MAX_TICKS = Number.MAX_SAFE_INTEGER;

/**
 * The unit of a bucket. A rate of n tokens per P microseconds in lowest terms makes one token P ticks and lets the
 * bucket drain n ticks per microsecond, so that every level is an integer.
 */
export interface Scale {
  readonly ticksPerToken: number;
  readonly ticksPerMicro: number;
}

/** How far a rate may be lowered so that `capacity × ticksPerToken` fits: one part in 10^9. */
const TOLERANCE = 1_000_000_000n;

/**
 * The scale of a rate (tokens per microsecond) for a capacity: exact where it fits, else the largest rate below it that
 * fits; undefined where even that is off by more than one part in 10^9.
 */
export function fitScale(rate: Fraction, capacity: number): Scale | undefined {
  const max = BigInt(MAX_TICKS);
  const maxDenominator = max / BigInt(capacity);
  const fits = rate.numerator <= max && rate.denominator <= maxDenominator;
  const fitted = fits ? rate : largestWithin(rate, max, maxDenominator);
  // (rate - fitted) / rate ≤ 1 / TOLERANCE, cross-multiplied.
  const wanted = rate.numerator * fitted.denominator;
  const lost = wanted - fitted.numerator * rate.denominator;
  if (lost * TOLERANCE > wanted) return undefined;
  return { ticksPerToken: Number(fitted.denominator), ticksPerMicro: Number(fitted.numerator) };
}

/** `a × b - c × d`, exact. The operands are safe integers, `a`, `b` and `c` not negative. */
export function difference(a: number, b: number, c: number, d: number): Ticks {
  const ab = a * b;
  const cd = c * d;
  if (ab <= MAX_TICKS && cd <= MAX_TICKS && ab - cd <= MAX_TICKS) return ab - cd;
  return narrow(BigInt(a) * BigInt(b) - BigInt(c) * BigInt(d));
}

/** `a × b`, exact. */
export function product(a: number, b: Ticks): Ticks {
  if (typeof b === 'number') {
    const result = a * b;
    if (result <= MAX_TICKS) return result;
  }
  return narrow(BigInt(a) * BigInt(b));
}

/** `a - b`, exact, for b a safe integer. */
export function minus(a: Ticks, b: number): Ticks {
  if (typeof a === 'number' && Math.abs(a - b) <= MAX_TICKS) return a - b;
  return narrow(BigInt(a) - BigInt(b));
}

/** `⌈a ÷ b⌉`. The quotient of two safe integers, rounded as a double, never reaches the next integer. */
export function ceilDivide(a: Ticks, b: number): Ticks {
  if (typeof a === 'number') return Math.ceil(a / b);
  const divisor = BigInt(b);
  return narrow((a + divisor - 1n) / divisor);
}

export function larger(a: Ticks, b: Ticks): Ticks {
  return a < b ? b : a;
}

/** The sum, exact. */
export function plus(a: Ticks, b: Ticks): Ticks {
  if (typeof a === 'number' && typeof b === 'number' && a + b <= MAX_TICKS) return a + b;
  return narrow(BigInt(a) + BigInt(b));
}

/** A level after so many microseconds. */
export function drain(level: number, ticksPerMicro: number, elapsed: number): number {
  // Compared as times: `ticksPerMicro × elapsed` may pass 2^53, but not where it is below the level.
  return elapsed >= Math.ceil(level / ticksPerMicro) ? 0 : level - ticksPerMicro * elapsed;
}

function narrow(value: bigint): Ticks {
  return value <= BigInt(MAX_TICKS) && value >= -BigInt(MAX_TICKS) ? Number(value) : value;
}
