// How numbers are written.
import { spread } from './statistics.mjs';

/** Three digits that say something, and no more. */
export function digits(value) {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

/** `3.71 (3.60–3.85)`: the median and the quartiles. */
export function withSpread(values) {
  const { median, low, high } = spread(values);
  return `${digits(median)} (${digits(low)}–${digits(high)})`;
}
