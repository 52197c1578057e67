import { type Fraction, lowestTerms, simplestFraction } from './fraction.js';

const MICROS_PER_SECOND = 1_000_000n;

const MICROS_PER_UNIT: Readonly<Record<string, bigint>> = {
  ms: 1_000n,
  s: MICROS_PER_SECOND,
  sec: MICROS_PER_SECOND,
  second: MICROS_PER_SECOND,
  seconds: MICROS_PER_SECOND,
  min: 60n * MICROS_PER_SECOND,
  minute: 60n * MICROS_PER_SECOND,
  minutes: 60n * MICROS_PER_SECOND,
  h: 3_600n * MICROS_PER_SECOND,
  hour: 3_600n * MICROS_PER_SECOND,
  hours: 3_600n * MICROS_PER_SECOND,
  d: 86_400n * MICROS_PER_SECOND,
  day: 86_400n * MICROS_PER_SECOND,
  days: 86_400n * MICROS_PER_SECOND,
};

const RATE = /^\s*(\d{1,20})(?:\.(\d{1,20}))?\s*\/\s*(\d{1,20})?\s*([a-z]+)\s*$/;

/**
 * Tokens per microsecond as an exact fraction in lowest terms, or undefined where the text or number is no rate.
 * A number is tokens per second and means the simplest fraction that is that double; a text is
 * `'<tokens>/<unit>'` or `'<tokens>/<count><unit>'`, as `'5/s'`, `'100/min'`, `'30/10s'`.
 */
export function parseRate(rate: number | string): Fraction | undefined {
  return typeof rate === 'number' ? perSecond(rate) : perUnit(rate);
}

function perSecond(rate: number): Fraction | undefined {
  if (!(rate > 0) || rate === Number.POSITIVE_INFINITY) return undefined;
  const { numerator, denominator } = simplestFraction(rate);
  return lowestTerms(numerator, denominator * MICROS_PER_SECOND);
}

function perUnit(text: string): Fraction | undefined {
  const [, whole, decimals = '', count = '1', name = ''] = RATE.exec(text) ?? [];
  if (whole === undefined || !Object.hasOwn(MICROS_PER_UNIT, name)) return undefined;
  const tokens = BigInt(whole + decimals);
  const micros = BigInt(count) * (MICROS_PER_UNIT[name] as bigint) * 10n ** BigInt(decimals.length);
  return tokens === 0n || micros === 0n ? undefined : lowestTerms(tokens, micros);
}
