import { describe, expect, it } from '@jest/globals';
import { readRetryAfter } from '../../../lib/outbound/reports/index.js';

const NOW = Date.UTC(2026, 9, 21, 7, 27, 0);
/** An hour ahead of the provider's clock, and an hour behind. */
const SKEWED = [NOW + 3_600_000, NOW - 3_600_000];
const DATE = 'Wed, 21 Oct 2026 07:27:00 GMT';

const waitOf = (
  value: unknown,
  { date, now = NOW, status }: { date?: string; now?: number; status?: number } = {},
) => readRetryAfter({ status, headers: { 'retry-after': value, date } }, now)?.retryAfterMs;

describe('readRetryAfter', () => {
  it.each([
    ['120', 120_000],
    ['0', 0],
    [' 5 ', 5000],
    ['2.0', 2000],
    ['4.35', 4350],
    ['0.0001', 1],
    [30, 30_000],
    ['9'.repeat(400), Number.MAX_SAFE_INTEGER],
    ['5, 60, 7', 60_000],
    [['5', '60'], 60_000],
    [['5', 'soon'], 5000],
  ])('takes %j for seconds, rounded up; of several the longest', (value, wait) => {
    expect(waitOf(value)).toBe(wait);
  });

  it.each([
    ['IMF-fixdate', 'Wed, 21 Oct 2026 07:28:00 GMT', 60_000],
    ['RFC 850', 'Wednesday, 21-Oct-26 07:28:00 GMT', 60_000],
    ['asctime', 'Wed Oct 21 07:28:00 2026', 60_000],
    ['asctime, a day of one digit', 'Sun Nov  1 07:27:00 2026', 11 * 86_400_000],
    ['a leap second', 'Wed, 21 Oct 2026 07:27:60 GMT', 60_000],
    ['a leap day', 'Tue, 29 Feb 2028 07:27:00 GMT', 496 * 86_400_000],
    ['another case', 'wed, 21 oct 2026 07:28:00 gmt', 60_000],
    ['RFC 850, within 50 years', 'Tuesday, 20-Oct-76 07:27:00 GMT', Date.UTC(2076, 9, 20, 7, 27) - NOW],
    ['RFC 850, of the last century', 'Friday, 21-Oct-77 07:27:00 GMT', 0],
    ['a past date', 'Fri, 31 Dec 1999 23:59:59 GMT', 0],
    ['a date of the first century', 'Fri, 31 Dec 0099 23:59:59 GMT', 0],
  ])('reads %s: %s', (_, value, wait) => {
    expect(waitOf(value)).toBe(wait);
  });

  it('measures a date from the Date of the response, whatever the local clock says', () => {
    for (const now of SKEWED) {
      expect(waitOf('Wed, 21 Oct 2026 07:28:00 GMT', { date: DATE, now })).toBe(60_000);
      expect(waitOf('120', { date: DATE, now })).toBe(120_000);
    }
    expect(waitOf('Wed, 21 Oct 2026 07:28:00 GMT', { date: 'yesterday', now: NOW + 1000 })).toBe(59_000);
  });

  it('rounds what is left of a millisecond up', () => {
    expect(waitOf('Wed, 21 Oct 2026 07:28:00 GMT', { now: NOW + 0.5 })).toBe(60_000);
  });

  // A negative number is nothing, not 0: a refused client must not be told to come back at once.
  it.each([
    undefined,
    null,
    '',
    ' ',
    '-1',
    '-0',
    '+5',
    '1e3',
    '1e400',
    '0x10',
    '1.',
    '.5',
    '1 2',
    'NaN',
    'Infinity',
    'soon',
    true,
    {},
    [[]],
    Number.NaN,
    -5,
    Number.POSITIVE_INFINITY,
    '5s',
    'Wed, 31 Feb 2027 07:28:00 GMT',
    'Wed, 00 Oct 2026 07:28:00 GMT',
    'Wed, 21 Okt 2026 07:28:00 GMT',
    'Wed, 21 Oct 2026 24:00:00 GMT',
    'Wed, 21 Oct 2026 07:60:00 GMT',
    'Wed, 21 Oct 2026 07:28:61 GMT',
    'Wed, 21 Oct 2026 07:28:00 CET',
    'Wed, 21 Oct 2026 07:28:00',
    '2026-10-21T07:28:00Z',
    '1'.repeat(2 ** 20),
    Array(10_000).fill('1'),
  ])('says nothing about %# (garbage)', (value) => {
    expect(readRetryAfter({ headers: { 'retry-after': value } }, NOW)).toBeUndefined();
  });

  it.each([
    [202, undefined],
    [302, undefined],
    [403, 120_000],
    [413, 120_000],
    [429, 120_000],
    [503, 120_000],
    [undefined, 120_000],
  ])('with status %p: %p', (status, wait) => {
    expect(waitOf('120', { status })).toBe(wait);
  });

  it('takes the clock of the process where no time is given', () => {
    const headers = { 'retry-after': new Date(Date.now() + 3_600_000).toUTCString() };
    const { retryAfterMs = 0 } = readRetryAfter({ headers }) ?? {};
    expect(retryAfterMs).toBeGreaterThan(3_500_000);
    expect(retryAfterMs).toBeLessThanOrEqual(3_600_000);
  });
});
