import { describe, expect, it } from '@jest/globals';
import { microsToMs, nextTokenMs, remainingTokens, toMs } from '../../../lib/algorithms/reading.js';
import type { Ticks } from '../../../lib/algorithms/ticks.js';
import { tokenBucket } from '../../../lib/options/make-policy.js';

// One token is 1,000,000 ticks, of which 3 drain in a microsecond.
const limit = tokenBucket({ capacity: 10, rate: '3/s' }).limit!;
const S = 1_000_000;

describe('what a level says', () => {
  it.each<[Ticks, number]>([
    [0, 10],
    [1, 9],
    [S, 9],
    [S + 1, 8],
    [10 * S - 1, 0],
    [10 * S, 0],
    [15 * S, 0],
    [2n ** 60n, 0],
  ])('%p ticks leave %p whole tokens', (level, remaining) => {
    expect(remainingTokens(limit, level)).toBe(remaining);
  });

  it.each<[Ticks, number]>([
    // Full: a token more than the capacity never comes, but what is taken now is back then.
    [0, 334],
    [1, 1],
    [S, 334],
    [S + 1, 1],
    [10 * S, 334],
    [15 * S, 2000],
    [2n ** 60n, 384_307_168_199_283],
  ])('after %p ticks a token more is free in %p ms', (level, ms) => {
    expect(nextTokenMs(limit, { level, remaining: remainingTokens(limit, level), block: 0 })).toBe(ms);
  });

  it.each<[Ticks, number, number]>([
    [0, 3, 0],
    [1, 3, 1],
    [3000, 3, 1],
    [3001, 3, 2],
    [2n ** 60n, 1000, 1_152_921_504_607],
  ])('%p ticks at %p a µs take %p ms', (ticks, perMicro, ms) => {
    expect(toMs(ticks, perMicro)).toBe(ms);
  });

  it('rounds twice as it would round once', () => {
    for (let ticks = 0; ticks < 20_000; ticks += 7) expect(toMs(ticks, 3)).toBe(Math.ceil(ticks / 3000));
    expect(microsToMs(1001)).toBe(2);
  });
});
