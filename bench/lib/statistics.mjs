// What many measurements of one thing say.

/**
 * The value below which a share of all values lies, interpolated between the two next to it.
 * @param {readonly number[]} values at least one, in any order
 * @param {number} share from 0 to 1
 */
export function quantile(values, share) {
  if (values.length === 0) throw new RangeError('no values');
  const sorted = values.toSorted((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.ceil(place);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

/** @param {readonly number[]} values */
export const median = (values) => quantile(values, 0.5);

/** @param {readonly number[]} values */
export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * The median, and the quartiles around it.
 * @param {readonly number[]} values
 * @returns {{ median: number, low: number, high: number, count: number }}
 */
export function spread(values) {
  return {
    median: median(values),
    low: quantile(values, 0.25),
    high: quantile(values, 0.75),
    count: values.length,
  };
}

/**
 * The same, of what was measured in turns: each turn of one with the same turn of the other, for the machine is not
 * always equally fast, and what slows both is in neither's ratio.
 * @param {readonly number[]} ours
 * @param {readonly number[]} theirs as many
 */
export function ratios(ours, theirs) {
  if (ours.length !== theirs.length) throw new RangeError(`${ours.length} turns beside ${theirs.length}`);
  return spread(ours.map((value, turn) => value / theirs[turn]));
}
