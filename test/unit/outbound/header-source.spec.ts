import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { type HeaderSource, readReport, readXRateLimit } from '../../../lib/outbound/reports/index.js';

const FIELDS = { 'X-RateLimit-Limit': '100', 'X-RateLimit-Remaining': '7', 'X-RateLimit-Reset': '30' };
const REPORT = { limit: 100, remaining: 7, resetAfterMs: 30_000 };

/** As axios has them: an object of its own class, with `get` for any case. */
class OtherHeaders {
  [name: string]: unknown;
  get(name: string): unknown {
    return Object.entries(FIELDS).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
  }
}

const message = new IncomingMessage(new Socket());
for (const [name, value] of Object.entries(FIELDS)) message.headers[name.toLowerCase()] = value;

const lower = Object.fromEntries(Object.entries(FIELDS).map(([name, value]) => [name.toLowerCase(), value]));

describe('headers are read from', () => {
  it.each<[string, HeaderSource]>([
    ['Headers of fetch', new Headers(FIELDS)],
    ['an object with get', new OtherHeaders()],
    ['a Map', new Map(Object.entries(lower))],
    ['a message of Node', message.headers],
    ['a plain object, in any case', FIELDS],
    [
      'a plain object of arrays',
      { 'x-ratelimit-limit': ['100'], 'x-ratelimit-remaining': ['9', '7'], 'x-ratelimit-reset': [30, 5] },
    ],
    [
      'a plain object of numbers',
      { 'X-RATELIMIT-LIMIT': 100, 'x-ratelimit-remaining': 7.9, 'x-ratelimit-reset': 30 },
    ],
    ['an object without a prototype', Object.assign(Object.create(null), lower)],
    ['a function', (name: string) => lower[name]],
  ])('%s', (_, headers) => {
    expect(readXRateLimit({ headers }, 0)).toEqual(REPORT);
  });

  it('a Response of fetch as it is', () => {
    expect(readReport(new Response('{}', { headers: FIELDS }))).toEqual(REPORT);
  });

  it('a response without any', () => {
    expect(readReport({ status: 429, headers: {} }, 0)).toBeUndefined();
  });
});
