import { describe, expect, it } from '@jest/globals';
import {
  type ProviderReport,
  readGitHub,
  readOpenAi,
  readReport,
  readShopify,
} from '../../../lib/outbound/reports/index.js';

const NOW = Date.UTC(2013, 7, 20, 14, 50, 41);

describe('readGitHub', () => {
  const headers = {
    Date: 'Tue, 20 Aug 2013 14:50:41 GMT',
    'x-ratelimit-limit': '60',
    'x-ratelimit-remaining': '0',
    'x-ratelimit-used': '60',
    'x-ratelimit-reset': '1377013266',
    'x-ratelimit-resource': 'core',
  };
  const left = { ...headers, 'x-ratelimit-remaining': '59' };
  const spent = { limit: 60, remaining: 0, resetAfterMs: 3_025_000, retryAfterMs: 3_025_000 };
  const rest = { limit: 60, remaining: 59, resetAfterMs: 3_025_000 };
  const secondary = {
    message: 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.',
  };

  it.each<[string, number, Record<string, string>, unknown, ProviderReport]>([
    ['the primary limit', 200, left, undefined, rest],
    ['the primary limit, spent', 200, headers, undefined, spent],
    [
      'the primary limit, refused',
      403,
      headers,
      { message: 'API rate limit exceeded for 192.0.2.1.' },
      spent,
    ],
    [
      'the secondary limit',
      403,
      { ...left, 'retry-after': '60' },
      secondary,
      { ...rest, retryAfterMs: 60_000 },
    ],
    ['both: the longer wait', 429, { ...headers, 'retry-after': '60' }, secondary, spent],
    ['the secondary limit, untold: a minute', 403, left, secondary, { ...rest, retryAfterMs: 60_000 }],
    ['429, untold: a minute', 429, left, undefined, { ...rest, retryAfterMs: 60_000 }],
    ['429, without any field: a minute', 429, {}, undefined, { retryAfterMs: 60_000 }],
    ['a missing permission', 403, left, { message: 'Resource not accessible by integration' }, rest],
    ['a body that is no object', 403, left, 'rate limit', rest],
    ['a message that is no text', 403, left, { message: ['rate limit'] }, rest],
  ])('%s', (_, status, fields, body, report) => {
    for (const now of [NOW, NOW + 1e9, 0])
      expect(readGitHub({ status, headers: fields, body }, now)).toEqual(report);
  });
});

describe('readOpenAi', () => {
  const headers = {
    'x-ratelimit-limit-requests': '60',
    'x-ratelimit-limit-tokens': '150000',
    'x-ratelimit-remaining-requests': '59',
    'x-ratelimit-remaining-tokens': '149984',
    'x-ratelimit-reset-requests': '1s',
    'x-ratelimit-reset-tokens': '6m0s',
  };

  it('reads requests, or tokens', () => {
    const requests = { limit: 60, remaining: 59, resetAfterMs: 1000 };
    expect(readOpenAi({ headers }, NOW)).toEqual(requests);
    expect(readOpenAi({ headers }, NOW, { dimension: 'requests' })).toEqual(requests);
    expect(readOpenAi({ headers }, NOW, { dimension: 'tokens' })).toEqual({
      limit: 150_000,
      remaining: 149_984,
      resetAfterMs: 360_000,
    });
  });

  it.each([
    ['20ms', 20],
    ['1s', 1000],
    ['6m0s', 360_000],
    ['1h2m3.5s', 3_723_500],
    ['7.66s', 7660],
    ['2m59.56s', 179_560],
    ['1d', 86_400_000],
    ['23h59m59.999s', 86_399_999],
    ['1.2ms', 2],
    ['5us', 1],
    ['5µs', 1],
    ['1ns', 1],
    ['0s', 0],
    ['60', 60_000],
    ['1.5', 1500],
    [`${'9'.repeat(400)}h`, Number.MAX_SAFE_INTEGER],
    ['', undefined],
    ['s', undefined],
    ['-1s', undefined],
    ['1', 1000],
    ['1x', undefined],
    ['1s ', 1000],
    ['1 s', undefined],
    ['1e3s', undefined],
    ['.5s', undefined],
    ['1.2.3s', undefined],
    ['1s2', undefined],
    ['PT1S', undefined],
    [`${'1'.repeat(8000)}x`, undefined],
    [`${'1s'.repeat(4000)}x`, undefined],
  ])('a reset of %# is %p', (text, ms) => {
    expect(readOpenAi({ headers: { 'x-ratelimit-reset-requests': text } }, NOW)?.resetAfterMs).toBe(ms);
  });

  it.each<[string, number, Record<string, string>, number | undefined]>([
    ['retry-after', 429, { 'retry-after': '2' }, 2000],
    ['retry-after-ms before it', 429, { 'retry-after': '2', 'retry-after-ms': '1350.2' }, 1351],
    ['nothing left, refused', 429, { 'x-ratelimit-remaining-requests': '0' }, 1000],
    ['nothing left of the other dimension, refused', 429, { 'x-ratelimit-remaining-tokens': '0' }, 360_000],
    ['nothing left, served', 200, { 'x-ratelimit-remaining-requests': '0' }, undefined],
    ['a spent account, which no waiting mends', 429, {}, undefined],
    ['retry-after-ms when served', 200, { 'retry-after-ms': '1000' }, undefined],
  ])('waits: %s', (_, status, fields, wait) => {
    expect(readOpenAi({ status, headers: { ...headers, ...fields } }, NOW)?.retryAfterMs).toBe(wait);
  });
});

describe('readShopify', () => {
  const bodyOf = (cost: object, throttleStatus: object = {}) => ({
    extensions: {
      cost: {
        requestedQueryCost: 101,
        actualQueryCost: 46,
        ...cost,
        throttleStatus: {
          maximumAvailable: 1000,
          currentlyAvailable: 954,
          restoreRate: 50,
          ...throttleStatus,
        },
      },
    },
  });
  const throttled = (requestedQueryCost: number, currentlyAvailable: number) =>
    bodyOf({ requestedQueryCost, actualQueryCost: null }, { currentlyAvailable });

  it.each<[string, unknown, ProviderReport | undefined]>([
    ['a query', bodyOf({}), { limit: 1000, remaining: 954, resetAfterMs: 920 }],
    [
      'fractions',
      bodyOf({}, { currentlyAvailable: 953.99, restoreRate: 7 }),
      { limit: 1000, remaining: 953, resetAfterMs: 6573 },
    ],
    [
      'a throttled query',
      throttled(202, 118),
      { limit: 1000, remaining: 118, resetAfterMs: 17_640, retryAfterMs: 1680 },
    ],
    [
      'a served query that would not fit again',
      bodyOf({ requestedQueryCost: 500 }, { currentlyAvailable: 100 }),
      { limit: 1000, remaining: 100, resetAfterMs: 18_000 },
    ],
    ['a query that never fits', throttled(1001, 1000), { limit: 1000, remaining: 1000, resetAfterMs: 0 }],
    [
      'more than the maximum',
      bodyOf({}, { currentlyAvailable: 1200 }),
      { limit: 1000, remaining: 1200, resetAfterMs: 0 },
    ],
    ['no restoring', bodyOf({}, { restoreRate: 0 }), { limit: 1000, remaining: 954 }],
    [
      'a hardly noticeable restoring',
      bodyOf({}, { restoreRate: Number.MIN_VALUE }),
      { limit: 1000, remaining: 954, resetAfterMs: Number.MAX_SAFE_INTEGER },
    ],
    [
      'wrong parts',
      bodyOf({ requestedQueryCost: 'x' }, { maximumAvailable: -1, restoreRate: Number.NaN }),
      { remaining: 954 },
    ],
    ['nothing available told', bodyOf({}, { currentlyAvailable: '954' }), undefined],
    ['a text', '{"extensions":{}}', undefined],
    ['an array', [], undefined],
    ['a cost that is null', { extensions: { cost: null } }, undefined],
  ])('reads the cost of GraphQL: %s', (_, body, report) => {
    expect(readShopify({ status: 200, headers: {}, body }, NOW)).toEqual(report);
  });

  it.each<[string, ProviderReport | undefined]>([
    ['32/40', { limit: 40, remaining: 8 }],
    ['40/40', { limit: 40, remaining: 0 }],
    ['41/40', { limit: 40, remaining: 0 }],
    ['0/80', { limit: 80, remaining: 80 }],
    ['32', undefined],
    ['32/', undefined],
    ['/40', undefined],
    ['-1/40', undefined],
    ['1/40/2', undefined],
    ['1e400/40', undefined],
  ])('reads the calls of REST: %s', (value, report) => {
    expect(readShopify({ headers: { 'X-Shopify-Shop-Api-Call-Limit': value } }, NOW)).toEqual(report);
  });

  it('reads the wait of a refusal', () => {
    const headers = { 'X-Shopify-Shop-Api-Call-Limit': '40/40', 'Retry-After': '2.0' };
    expect(readShopify({ status: 429, headers }, NOW)).toEqual({
      limit: 40,
      remaining: 0,
      retryAfterMs: 2000,
    });
  });
});

describe('readReport', () => {
  it.each<[string, number, Record<string, string>, ProviderReport]>([
    [
      'OpenAI',
      200,
      { 'x-ratelimit-remaining-requests': '5', 'x-ratelimit-remaining': '1' },
      { remaining: 5 },
    ],
    [
      'Shopify',
      429,
      { 'x-shopify-shop-api-call-limit': '40/40', 'retry-after': '2.0' },
      { limit: 40, remaining: 0, retryAfterMs: 2000 },
    ],
    [
      'GitHub',
      429,
      { 'x-github-request-id': 'AB:CD', 'x-ratelimit-remaining': '5' },
      { remaining: 5, retryAfterMs: 60_000 },
    ],
    [
      'RateLimit before X-RateLimit',
      200,
      { ratelimit: '"a";r=3;t=1', 'x-ratelimit-remaining': '1' },
      { remaining: 3, resetAfterMs: 1000 },
    ],
    ['X-RateLimit', 429, { 'x-ratelimit-remaining': '5' }, { remaining: 5 }],
    ['Retry-After alone', 503, { 'retry-after': '7' }, { retryAfterMs: 7000 }],
    [
      'most, where nothing says what remains',
      429,
      { 'retry-after': '7', 'x-ratelimit-limit': '5', 'x-ratelimit-reset': '9' },
      { limit: 5, resetAfterMs: 9000, retryAfterMs: 7000 },
    ],
  ])('knows %s', (_, status, headers, report) => {
    expect(readReport({ status, headers }, NOW)).toEqual(report);
  });
});
