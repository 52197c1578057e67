import { describe, expect, it } from '@jest/globals';
import { type ProviderReport, readRateLimitFields } from '../../../lib/outbound/reports/index.js';

type Fields = Record<string, string>;
const read = (headers: Fields, status?: number) => readRateLimitFields({ status, headers }, 0);

describe('readRateLimitFields: RateLimit as a list', () => {
  it.each<[string, Fields, ProviderReport]>([
    ['one member', { RateLimit: '"default";r=50;t=30' }, { remaining: 50, resetAfterMs: 30_000 }],
    [
      'with its policy',
      { 'RateLimit-Policy': '"burst";q=100;w=60,"daily";q=1000;w=86400', RateLimit: '"daily";r=50;t=36000' },
      { remaining: 50, limit: 1000, resetAfterMs: 36_000_000 },
    ],
    [
      'several members: the least remaining',
      {
        'RateLimit-Policy': '"hour";q=1000;w=3600, "day";q=5000;w=86400',
        RateLimit: '"day";r=100;t=36000, "hour";r=99;t=500',
      },
      { remaining: 99, limit: 1000, resetAfterMs: 500_000 },
    ],
    [
      'as many remaining: the longest window',
      { RateLimit: '"a";r=0, "b";r=0;t=5, "c";r=0;t=60, "d";r=0;t=7, "e";r=0' },
      { remaining: 0, resetAfterMs: 60_000, retryAfterMs: 60_000 },
    ],
    [
      'a partition key, and parameters of later revisions',
      { RateLimit: '"default";r=50;t=30;pk=:cHM0NGFwaQ==:;x="y"' },
      { remaining: 50, resetAfterMs: 30_000 },
    ],
    [
      'a token for a name',
      { RateLimit: 'default;r=5;t=1', 'RateLimit-Policy': 'default;q=9;w=1' },
      { remaining: 5, limit: 9, resetAfterMs: 1000 },
    ],
    ['no window', { RateLimit: '"a";r=5' }, { remaining: 5 }],
    [
      'a member without r beside another',
      { RateLimit: '"a";t=5, "b";r=3;t=2, ("c" "d");r=1' },
      { remaining: 3, resetAfterMs: 2000 },
    ],
    ['fractions', { RateLimit: '"a";r=5.9;t=0.001' }, { remaining: 5, resetAfterMs: 1 }],
    ['a negative window', { RateLimit: '"a";r=5;t=-1' }, { remaining: 5 }],
    ['a policy of another name', { RateLimit: '"a";r=5', 'RateLimit-Policy': '"b";q=9' }, { remaining: 5 }],
    [
      'Retry-After goes first',
      { RateLimit: '"a";r=0;t=60', 'Retry-After': '20' },
      { remaining: 0, resetAfterMs: 60_000, retryAfterMs: 20_000 },
    ],
    [
      'it goes before the older fields',
      { RateLimit: '"a";r=5;t=60', 'RateLimit-Remaining': '1' },
      { remaining: 5, resetAfterMs: 60_000 },
    ],
    [
      'the largest integer',
      { RateLimit: '"a";r=999999999999999;t=999999999999999' },
      { remaining: 999_999_999_999_999, resetAfterMs: Number.MAX_SAFE_INTEGER },
    ],
  ])('%s', (_, headers, report) => {
    expect(read(headers)).toEqual(report);
  });

  it('a field that is not well-formed is ignored as a whole; the older ones are read then', () => {
    const headers = { RateLimit: '"a";r=5;t=60, "b;r=3', 'RateLimit-Remaining': '1' };
    expect(read(headers)).toEqual({ remaining: 1 });
  });
});

describe('readRateLimitFields: earlier revisions', () => {
  it.each<[string, Fields, ProviderReport]>([
    [
      'revision 7',
      { RateLimit: 'limit=100, remaining=50, reset=50', 'RateLimit-Policy': '100;w=60' },
      { limit: 100, remaining: 50, resetAfterMs: 50_000 },
    ],
    [
      'revision 7, nothing left',
      { RateLimit: 'limit=10, remaining=0, reset=3' },
      { limit: 10, remaining: 0, resetAfterMs: 3000, retryAfterMs: 3000 },
    ],
    [
      'revision 6',
      {
        'RateLimit-Limit': '10',
        'RateLimit-Policy': '10;w=1, 50;w=60',
        'RateLimit-Remaining': '9',
        'RateLimit-Reset': '50',
      },
      { limit: 10, remaining: 9, resetAfterMs: 50_000 },
    ],
    [
      'revision 3',
      {
        'RateLimit-Limit': '100, 100;w=60;burst=1000;comment="sliding", 5000;w=3600',
        'RateLimit-Remaining': '50',
        'RateLimit-Reset': '50',
      },
      { limit: 100, remaining: 50, resetAfterMs: 50_000 },
    ],
    [
      'GitLab, whose reset is a moment',
      {
        Date: 'Tue, 05 Jan 2021 10:34:31 GMT',
        'RateLimit-Limit': '60',
        'RateLimit-Name': 'throttle_authenticated_web',
        'RateLimit-Observed': '67',
        'RateLimit-Remaining': '0',
        'RateLimit-Reset': '1609844400',
        'Retry-After': '30',
      },
      { limit: 60, remaining: 0, resetAfterMs: 1_529_000, retryAfterMs: 30_000 },
    ],
  ])('%s', (_, headers, report) => {
    expect(read(headers)).toEqual(report);
  });

  it('a refusal waits for the reset, or as Retry-After says', () => {
    const headers = { 'RateLimit-Limit': '10', 'RateLimit-Reset': '7' };
    expect(read(headers, 200)).toEqual({ limit: 10, resetAfterMs: 7000 });
    expect(read(headers, 429)).toEqual({ limit: 10, resetAfterMs: 7000, retryAfterMs: 7000 });
    expect(read({ ...headers, 'Retry-After': '2' }, 429)).toEqual({
      limit: 10,
      resetAfterMs: 7000,
      retryAfterMs: 2000,
    });
  });
});

it.each([
  '',
  ',',
  '"a"',
  '"a";r',
  '"a";r=x',
  '"a";r=-1',
  '"a";r=1e400',
  '"a";r=1;;',
  'limit=5',
  'remaining=-1',
  '=',
  '%"%ff"',
  '@1',
  ':A:',
  '"é";r=1',
])('RateLimit: %j says nothing', (value) => {
  expect(read({ RateLimit: value }, 429)).toBeUndefined();
});
