import { describe, expect, it } from '@jest/globals';
import { type Decision, soonestFirst, tightest } from '../../../lib/limiter/decision.js';

const decision = (policy: string, fields: Partial<Decision>): Decision => ({
  allowed: true,
  policy,
  key: 'key',
  limit: 10,
  remaining: 5,
  retryAfterMs: 0,
  resetAfterMs: 1000,
  delayMs: 0,
  source: 'memory',
  ...fields,
});

const plenty = decision('plenty', { remaining: 9 });
const few = decision('few', { remaining: 2 });
const fewAndSlow = decision('few and slow', { remaining: 2, resetAfterMs: 60_000 });
const soon = decision('soon', { allowed: false, remaining: 0, retryAfterMs: 10 });
const later = decision('later', { allowed: false, remaining: 3, retryAfterMs: 5000 });
const trial = decision('trial', { shadow: 'refused', remaining: 0, retryAfterMs: 10 });
const slowTrial = decision('slow trial', { shadow: 'refused', remaining: 3, retryAfterMs: 5000 });
const calmTrial = decision('calm trial', { shadow: 'admitted', remaining: 0 });
const never = decision('never', { allowed: false, remaining: 9, retryAfterMs: null });

describe('the tightest of several decisions', () => {
  it.each([
    ['the one with the least left', [plenty, few], 'few'],
    ['of two with as much left the slower to refill', [few, fewAndSlow], 'few and slow'],
    ['a refusal, however much it has left', [few, later, plenty], 'later'],
    ['of two refusals the longer one', [soon, later], 'later'],
    ['a refusal for ever before any other', [later, never, soon], 'never'],
    ['one that is enforced, whatever shadow mode would refuse', [trial, plenty], 'plenty'],
    ['of shadow mode alone what would refuse longest', [calmTrial, slowTrial, trial], 'slow trial'],
  ])('is %s, in whatever order they come', (_, decisions, policy) => {
    expect(tightest(decisions)?.policy).toBe(policy);
    expect(tightest([...decisions].reverse())?.policy).toBe(policy);
  });

  it('is the first of equals', () => {
    expect(tightest([decision('first', {}), decision('second', {})])?.policy).toBe('first');
    expect(tightest([never, { ...never, policy: 'other' }])?.policy).toBe('never');
  });

  it('is the only one of one, and none of none', () => {
    expect(tightest([plenty])).toBe(plenty);
    expect(tightest([])).toBeUndefined();
  });
});

describe('refusals in the order in which they end', () => {
  it('have those that never end last, and leave equals as they come', () => {
    const forEver = { ...never, policy: 'for ever' };
    const same = { ...soon, policy: 'as soon' };
    const sorted = soonestFirst([never, later, soon, forEver, same]);

    expect(sorted.map(({ policy }) => policy)).toEqual(['soon', 'as soon', 'later', 'never', 'for ever']);
  });
});
