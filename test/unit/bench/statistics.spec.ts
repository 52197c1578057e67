import { describe, expect, it } from '@jest/globals';
import { mean, median, quantile, ratios, spread } from '../../../bench/lib/statistics.mjs';

describe('what measurements say', () => {
  it.each([
    [[3], 0.5, 3],
    [[4, 1, 3, 2], 0.5, 2.5],
    [[5, 1, 4, 2, 3], 0.25, 2],
    [[5, 1, 4, 2, 3], 1, 5],
    [[10, 20], 0.9, 19],
  ])('of %j the quantile %d is %d', (values, share, expected) => {
    expect(quantile(values, share)).toBeCloseTo(expected, 12);
  });

  it('leaves what it is given in its order', () => {
    const values = [3, 1, 2];
    expect(median(values)).toBe(2);
    expect(values).toEqual([3, 1, 2]);
  });

  it('has nothing to say of no measurements', () => {
    expect(() => median([])).toThrow(RangeError);
  });

  it('tells the mean, and a median with its quartiles', () => {
    expect(mean([1, 2, 6])).toBe(3);
    expect(spread([1, 2, 3, 4, 100])).toEqual({ median: 3, low: 2, high: 4, count: 5 });
  });

  it('compares turn by turn: what slows both is in no ratio', () => {
    expect(ratios([1, 10, 100], [2, 20, 200])).toEqual({ median: 0.5, low: 0.5, high: 0.5, count: 3 });
    expect(() => ratios([1], [1, 2])).toThrow(RangeError);
  });
});
