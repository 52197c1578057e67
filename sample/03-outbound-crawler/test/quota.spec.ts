// The judge of the other test: it grants what it says, to the microsecond, and counts what was made of it.
import { expect, it } from '@jest/globals';
import { Account, summary } from '../src/account.js';
import { CAPACITY, PER_SECOND, Quota } from '../src/quota.js';

const SECOND = 1_000_000;
const ONE = SECOND / PER_SECOND;

/** How many requests at a time are served. */
function served(quota: Quota, times: number, now: number): number {
  return Array.from({ length: times }, () => quota.take(now)).filter(({ allowed }) => allowed).length;
}

it('grants its capacity at once, and then its rate', () => {
  const quota = new Quota();
  expect(served(quota, 2 * CAPACITY, 0)).toBe(CAPACITY);
  expect(served(quota, CAPACITY, ONE - 1)).toBe(0);
  expect(served(quota, CAPACITY, ONE)).toBe(1);
  expect(served(quota, CAPACITY, SECOND)).toBe(PER_SECOND - 1);
  expect(served(quota, 2 * CAPACITY, 60 * SECOND)).toBe(CAPACITY);
});

it('says what remains, and how long to wait', () => {
  const quota = new Quota();
  expect(quota.take(0)).toEqual({ allowed: true, remaining: CAPACITY - 1, resetMicros: ONE, retryMicros: 0 });
  served(quota, CAPACITY - 1, 0);
  const full = CAPACITY * ONE;
  expect(quota.take(0)).toEqual({ allowed: false, remaining: 0, resetMicros: full, retryMicros: ONE });
  expect(quota.take(1)).toMatchObject({ allowed: false, retryMicros: ONE - 1 });
  expect(quota.take(2 * ONE)).toMatchObject({ allowed: true, remaining: 1 });
});

it('counts what was served, refused, and asked with a token that is not valid', () => {
  const [one, other] = [new Account(), new Account()];
  expect(summary([one, other])).toMatchObject({ served: 0, seconds: 0 });
  for (let i = 0; i <= CAPACITY; i++) one.request(SECOND);
  other.request(2 * SECOND);
  other.isValid = false;
  expect(other.request(9 * SECOND)).toBeUndefined();
  expect(one.stats()).toEqual({ served: CAPACITY, refused: 1, unauthorized: 0 });
  expect(other.stats()).toEqual({ served: 1, refused: 0, unauthorized: 1 });
  // From the first that was served to the last: one second, in which each may have 40 + 20.
  const counts = { served: CAPACITY + 1, refused: 1, unauthorized: 1 };
  expect(summary([one, other])).toEqual({ ...counts, seconds: 1, allowed: 120, used: 0.342 });
});
