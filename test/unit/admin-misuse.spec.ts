import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  RateLimit,
  RateLimitAdmin,
  type RateLimitErrorCode,
  TokenBucket,
  tokenBucket,
} from '../../lib/index.js';
import { bootApp, closeApps } from '../support/app.js';
import { expectMistake } from '../support/mistake.js';
import { catsWith } from '../support/routes.js';

const limit = { capacity: 10, rate: 5 };
const chat = tokenBucket({ name: 'chat', ...limit });
const nameless = tokenBucket(limit);
const twice = tokenBucket(limit);

let admin: RateLimitAdmin;

function catsOf(name: string, decorator: MethodDecorator) {
  return Object.defineProperty(catsWith(decorator), 'name', { value: name });
}

beforeAll(async () => {
  const { app } = await bootApp({
    controllers: [
      catsWith(TokenBucket(limit)),
      catsOf('Dogs', RateLimit(twice)),
      catsOf('Cows', RateLimit(twice)),
    ],
    rateLimit: { policies: [chat] },
  });
  admin = app.get(RateLimitAdmin);
});
afterAll(closeApps);

type Row = [
  call: string,
  code: RateLimitErrorCode,
  value: string,
  fix: string,
  act: (admin: RateLimitAdmin) => unknown,
];

const key = 5 as unknown as string;
const asKey = 'write a text, as String(user.id)';
const asTime = 'write { forMs: 60_000 } or { until: ';
const ahead = 'write a time that lies ahead, as a Date or in whole milliseconds since 1970';
const known = 'Add it to RateLimitModule.forRoot';

// biome-ignore format: one misuse a row
const rows: Row[] = [
  ['find', 'INVALID_KEY', 'key is 5 (number)', asKey, (admin) => admin.find(key)],
  ['inspect', 'INVALID_KEY', 'key is 5 (number)', asKey, (admin) => admin.inspect(chat, key)],
  ['inspect', 'UNKNOWN_POLICY', '"chta" (string) names no policy', known, (admin) => admin.inspect('chta', 'ada')],
  ['inspect', 'UNKNOWN_POLICY', '"Cats.list" (string) names no policy', known, (admin) => admin.inspect('Cats.list', 'ada')],
  ['inspect', 'POLICY_NEEDS_NAME', 'the token-bucket of capacity 10 has no name', 'give it one', (admin) => admin.inspect(nameless, 'ada')],
  ['inspect', 'POLICY_NEEDS_NAME', "the token-bucket of capacity 10 stands at 'Dogs.find', 'Cows.find'", 'write one of these places, or give it a name', (admin) => admin.inspect(twice, 'ada')],
  ['block', 'POLICY_NEEDS_NAME', "the token-bucket of capacity 10 stands at 'Dogs.find', 'Cows.find'", 'write one of these places, or give it a name', (admin) => admin.block('ada', { forMs: 1000 }, [twice])],
  ['reset', 'INVALID_KEY', 'key is 5 (number)', asKey, (admin) => admin.reset(key)],
  ['reset', 'UNKNOWN_POLICY', '"chta" (string) names no policy', known, (admin) => admin.reset('ada', ['chat', 'chta'])],
  ['reset', 'INVALID_OPTION', 'policies is "chat" (string)', "write a list, as ['daily'], or leave it out for all", (admin) => admin.reset('ada', 'chat' as never)],
  ['unblock', 'INVALID_OPTION', 'policies is null', "write a list, as ['daily']", (admin) => admin.unblock('ada', null as never)],
  ['grant', 'INVALID_COST', 'cost is -1 (number)', 'write an integer of at least 0', (admin) => admin.grant(chat, 'ada', -1)],
  ['grant', 'INVALID_COST', 'cost is undefined', 'write an integer of at least 0', (admin) => admin.grant(chat, 'ada', undefined as never)],
  ['block', 'INVALID_OPTION', 'the options are undefined', asTime, (admin) => admin.block('ada', undefined as never)],
  ['block', 'INVALID_OPTION', 'one of until and forMs is needed', asTime, (admin) => admin.block('ada', {} as never)],
  ['block', 'INVALID_OPTION', 'one of until and forMs is needed', asTime, (admin) => admin.block('ada', { forMs: 5, until: 'unblocked' } as never)],
  ['block', 'UNKNOWN_OPTION', 'no option "for"', 'write one of until, forMs', (admin) => admin.block('ada', { for: 5 } as never)],
  ['block', 'INVALID_OPTION', 'forMs is 1.5 (number)', 'write an integer from 0', (admin) => admin.block('ada', { forMs: 1.5 })],
  ['block', 'INVALID_OPTION', 'forMs is "1h" (string)', 'write an integer from 0', (admin) => admin.block('ada', { forMs: '1h' as never })],
  ['block', 'INVALID_OPTION', 'until is 1970-01-01T00:00:00.005Z', ahead, (admin) => admin.block('ada', { until: new Date(5) })],
  ['block', 'INVALID_OPTION', 'until is 5 (number)', ahead, (admin) => admin.block('ada', { until: 5 })],
  ['block', 'INVALID_OPTION', 'until is Date (object)', ahead, (admin) => admin.block('ada', { until: new Date('tomorrow') })],
  ['block', 'INVALID_OPTION', 'until is "tomorrow" (string)', ahead, (admin) => admin.block('ada', { until: 'tomorrow' as never })],
  ['block', 'INVALID_OPTION', 'until is NaN (number)', ahead, (admin) => admin.block('ada', { until: Number.NaN })],
  ['fullest', 'UNKNOWN_POLICY', '"chta" (string) names no policy', known, (admin) => admin.fullest('chta')],
  ['fullest', 'UNKNOWN_OPTION', 'no option "top"', 'write one of limit', (admin) => admin.fullest('chat', { top: 5 } as never)],
  ['fullest', 'INVALID_OPTION', 'limit is 0 (number)', 'write an integer from 1 to 1000', (admin) => admin.fullest('chat', { limit: 0 })],
  ['fullest', 'INVALID_OPTION', 'the options are 5 (number)', 'write { limit: 10 }', (admin) => admin.fullest('chat', 5 as never)],
];

describe('RateLimitAdmin rejects misuse, and nothing is done', () => {
  it.each(rows)('%s: %s, %s', async (call, code, value, fix, act) => {
    const place = `RateLimitAdmin.${call}`;
    await expectMistake(() => act(admin), { code, place, value, fix });
    expect(await admin.find('ada')).toEqual([]);
  });
});
