import { describe, expect, it } from '@jest/globals';
import { type ProviderReport, readXRateLimit } from '../../../lib/outbound/reports/index.js';

const NOW = 1_700_000_000_000;
const DATE = new Date(NOW).toUTCString();

const resetOf = (value: string, now = NOW, date?: string) =>
  readXRateLimit({ headers: { 'x-ratelimit-reset': value, date } }, now)?.resetAfterMs;

describe('readXRateLimit', () => {
  it.each<[string, Record<string, string>, ProviderReport]>([
    [
      'X-RateLimit',
      { 'X-RateLimit-Limit': '60', 'X-RateLimit-Remaining': '56', 'X-RateLimit-Reset': '9' },
      { limit: 60, remaining: 56, resetAfterMs: 9000 },
    ],
    [
      'X-Rate-Limit with a moment, as X (Twitter) writes it',
      { 'x-rate-limit-limit': '900', 'x-rate-limit-remaining': '0', 'x-rate-limit-reset': '1700000900' },
      { limit: 900, remaining: 0, resetAfterMs: 900_000, retryAfterMs: 900_000 },
    ],
    [
      'Discord',
      {
        'X-RateLimit-Limit': '5',
        'X-RateLimit-Remaining': '0',
        'X-RateLimit-Reset': '1470173023.123',
        'X-RateLimit-Reset-After': '64.57',
        'X-RateLimit-Bucket': 'abcd1234',
      },
      { limit: 5, remaining: 0, resetAfterMs: 64_570, retryAfterMs: 64_570 },
    ],
    [
      'what remains, rounded down',
      { 'x-ratelimit-remaining': '0.99999999999999999', 'retry-after': '1' },
      { remaining: 0, retryAfterMs: 1000 },
    ],
    [
      'of several, the least and the longest',
      { 'x-ratelimit-remaining': '5, 3, 4', 'x-ratelimit-reset': '1, 9' },
      { remaining: 3, resetAfterMs: 9000 },
    ],
    [
      'a number beyond all',
      { 'x-ratelimit-remaining': '9'.repeat(400), 'x-ratelimit-limit': '9007199254740993' },
      { remaining: Number.MAX_SAFE_INTEGER, limit: Number.MAX_SAFE_INTEGER },
    ],
    [
      'one part wrong',
      { 'x-ratelimit-limit': '-1', 'x-ratelimit-remaining': '5', 'x-ratelimit-reset': 'never' },
      { remaining: 5 },
    ],
  ])('%s', (_, headers, report) => {
    expect(readXRateLimit({ headers }, NOW)).toEqual(report);
  });

  it.each([
    ['seconds from now', '0', 0],
    ['seconds from now', '1.0005', 1001],
    ['the most seconds from now', '999999999', 999_999_999_000],
    ['the least seconds since 1970', '1000000000', 0],
    ['seconds since 1970', '1700000060', 60_000],
    ['past seconds since 1970', '1699999999', 0],
    ['the most seconds since 1970', '99999999999', 99_999_999_999_000 - NOW],
    ['milliseconds since 1970', '1700000060001', 60_001],
    ['the least milliseconds since 1970', '100000000000', 0],
    ['no end', '9'.repeat(400), Number.MAX_SAFE_INTEGER],
  ])('a reset is %s: %s', (_, value, wait) => {
    expect(resetOf(value)).toBe(wait);
  });

  it('measures a moment from the Date of the response, whatever the local clock says', () => {
    for (const now of [NOW - 3_600_000, NOW + 3_600_000, Number.NaN]) {
      expect(resetOf('1700000060', now, DATE)).toBe(60_000);
      expect(resetOf('1700000060001', now, DATE)).toBe(60_001);
      expect(resetOf('60', now, DATE)).toBe(60_000);
    }
  });

  it('says nothing of a moment where no clock tells the time', () => {
    expect(resetOf('1700000060', Number.NaN)).toBeUndefined();
  });

  it.each<[string, number, string | undefined, string | undefined, number | undefined]>([
    ['with something left', 200, '5', undefined, undefined],
    ['with nothing left', 200, '0', undefined, 30_000],
    ['refused with nothing left', 429, '0', undefined, 30_000],
    ['refused, nothing known', 429, undefined, undefined, 30_000],
    ['refused for something else', 429, '5', undefined, undefined],
    ['told', 429, '0', '10', 10_000],
    ['told for something else', 429, '5', '10', 10_000],
  ])('waits, %s', (_, status, remaining, retryAfter, wait) => {
    const headers = {
      'x-ratelimit-remaining': remaining,
      'x-ratelimit-reset': '30',
      'retry-after': retryAfter,
    };
    expect(readXRateLimit({ status, headers }, NOW)?.retryAfterMs).toBe(wait);
  });
});
