// The one way from a provider's text to a number: finite, not negative, a safe integer, or nothing.

/** What cannot be negative by its meaning has no sign; exponents and hexadecimals are not HTTP. */
const DECIMAL = /^\d+(?:\.\d+)?$/;

/** What is left or allowed: rounded down, for a part of a token buys nothing. */
export function wholeCount(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 ? cap(Math.floor(value)) : undefined;
}

/** A wait: rounded up, for waiting too little is a request too many. */
export function wholeMs(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 ? cap(Math.ceil(value)) : undefined;
}

export function readNumber(text: string | undefined): number | undefined {
  return text !== undefined && DECIMAL.test(text) ? Number(text) : undefined;
}

/** The whole part of a number. It is cut off as a text: 0.99999999999999999, once it is a number, is 1. */
export function readCount(text: string | undefined): number | undefined {
  return text !== undefined && DECIMAL.test(text) ? wholeCount(Number(text.split('.')[0])) : undefined;
}

/** Milliseconds of a text in seconds, with or without a fraction (`2.0`). */
export function readSeconds(text: string | undefined): number | undefined {
  return text !== undefined && DECIMAL.test(text) ? wholeMs(scaled(text, 3)) : undefined;
}

/** A decimal text times a power of ten, rounded once: 4.35 × 1000 is 4350, where a product may be a little more. */
export function scaled(decimal: string, power: number): number {
  return Number(`${decimal}e${power}`);
}

export const isTold = (value: number | undefined): value is number => value !== undefined;

/** The least of what is told. */
export function least(values: readonly (number | undefined)[]): number | undefined {
  return values
    .filter(isTold)
    .reduce<number | undefined>((a, b) => (a === undefined || b < a ? b : a), undefined);
}

/** The greatest of what is told. */
export function greatest(values: readonly (number | undefined)[]): number | undefined {
  return values
    .filter(isTold)
    .reduce<number | undefined>((a, b) => (a === undefined || b > a ? b : a), undefined);
}

const cap = (value: number): number => Math.min(value, Number.MAX_SAFE_INTEGER);
