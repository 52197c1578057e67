import { describe, expect, it } from '@jest/globals';
import { GOALS, isMet } from '../../../bench/goals.mjs';
import { NOTES } from '../../../bench/notes.mjs';

describe('the goals of the benchmark', () => {
  it.each(Object.entries(GOALS))('%s has one bound and a name', (_, { what, most, least }) => {
    expect(what).not.toBe('');
    expect([most, least].filter((bound) => bound !== undefined)).toHaveLength(1);
  });

  it('are met up to their bound, and not beyond it', () => {
    const most = { what: 'at most', most: 2 };
    const least = { what: 'at least', least: 3 };
    expect([1.99, 2, 2.01].map((value) => isMet(most, value))).toEqual([true, true, false]);
    expect([2.99, 3, 3.01].map((value) => isMet(least, value))).toEqual([false, true, true]);
    expect(isMet(most, Number.NaN)).toBe(false);
  });

  it('are what notes are about', () => {
    expect(Object.keys(NOTES).filter((name) => !(name in GOALS))).toEqual([]);
  });

  it('are ratios where the chart has them', () => {
    const charted = Object.values(GOALS).filter(({ chart }) => chart !== undefined);
    expect(charted.filter(({ most }) => most === undefined)).toEqual([]);
  });
});
