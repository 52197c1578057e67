import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, type Type } from '@nestjs/common';
import {
  byUser,
  type HeaderStyle,
  LeakyBucket,
  RateLimit,
  TokenBucket,
  tokenBucket,
} from '../../lib/index.js';
import { adapters, bootApp, closeApps } from '../support/app.js';
import { ManualClock } from '../support/manual-clock.js';
import { catsWith, limitFields, members } from '../support/routes.js';

afterEach(closeApps);

describe.each(adapters)('the headers on %s', (adapter) => {
  const clock = new ManualClock(1);
  const boot = (controller: Type, headers?: HeaderStyle) => {
    const style = headers === undefined ? {} : { headers };
    return bootApp({ controllers: [controller], rateLimit: style, adapter, clock });
  };

  const chat = TokenBucket({ name: 'chat', capacity: 2, rate: '1/min' });
  const standard = (r: number, t: number) => ({
    'ratelimit-policy': '"chat";q=2;w=120',
    ratelimit: `"chat";r=${r};t=${t}`,
  });
  const legacy = (remaining: number, reset: number) => ({
    'x-ratelimit-limit': '2',
    'x-ratelimit-remaining': String(remaining),
    'x-ratelimit-reset': String(reset),
  });

  it.each([
    [
      'standard',
      standard(1, 60),
      standard(0, 60),
      { ...standard(0, 60), 'retry-after': '60' },
      { ...standard(0, 1), 'retry-after': '1' },
    ],
    [
      'legacy',
      legacy(1, 60),
      legacy(0, 120),
      { ...legacy(0, 120), 'retry-after': '60' },
      { ...legacy(0, 61), 'retry-after': '1' },
    ],
    [
      'both',
      { ...standard(1, 60), ...legacy(1, 60) },
      { ...standard(0, 60), ...legacy(0, 120) },
      { ...standard(0, 60), ...legacy(0, 120), 'retry-after': '60' },
      { ...standard(0, 1), ...legacy(0, 61), 'retry-after': '1' },
    ],
    ['none', {}, {}, { 'retry-after': '60' }, { 'retry-after': '1' }],
  ] as const)('tell what is left and when more comes: %s', async (style, ...expected) => {
    const { request } = await boot(catsWith(chat), style);

    const found = [await request('/cats'), await request('/cats'), await request('/cats')];
    clock.now += 59_999_001;
    found.push(await request('/cats'));
    expect(found.map(({ status }) => status)).toEqual([200, 200, 429, 429]);
    expect(found.map(limitFields)).toEqual(expected);
  });

  it('are standard where nothing else is asked for, and absent where nothing is limited', async () => {
    expect(limitFields(await (await boot(catsWith(chat))).request('/cats'))).toEqual(standard(1, 60));
    expect(limitFields(await (await boot(catsWith())).request('/cats'))).toEqual({});
  });

  it('have one member for each policy, of both stages, on allowed and on refused responses', async () => {
    const { request } = await boot(
      catsWith(
        chat,
        LeakyBucket({ capacity: 9, rate: '100/s' }),
        TokenBucket({
          name: 'user',
          capacity: 1000,
          rate: '1000/h',
          key: byUser('id', { anonymous: () => 'x' }),
        }),
      ),
    );
    const policies = { chat: { q: 2, w: 120 }, 'Cats.find': { q: 9, w: 1 }, user: { q: 1000, w: 3600 } };
    const first = await request('/cats');

    expect(members(first, 'RateLimit-Policy')).toEqual(policies);
    expect(members(first)).toEqual({
      chat: { r: 1, t: 60 },
      'Cats.find': { r: 8, t: 1 },
      user: { r: 999, t: 4 },
    });
  });

  it('tell one Retry-After, the longest of the limits that refuse, and name the one that ends first first', async () => {
    const at = (name: string, capacity: number, rate: string) => TokenBucket({ name, capacity, rate });
    const { request } = await boot(
      catsWith(at('long', 1, '1/90s'), at('roomy', 9, '1/h'), at('short', 1, '1/s')),
    );
    await request('/cats');
    const refusal = await request('/cats');

    expect(Object.keys(members(refusal, 'RateLimit-Policy'))).toEqual(['long', 'roomy', 'short']);
    expect([...refusal.headers.keys()].filter((name) => name.startsWith('retry'))).toEqual(['retry-after']);
    expect(refusal.headers.get('retry-after')).toBe('90');
    expect(await refusal.json()).toMatchObject({
      'violated-policies': ['short', 'long'],
      'retry-after-ms': 90_000,
    });
  });

  it('are valid structured fields, however a class and its method are called', async () => {
    @Controller('cats')
    class Größe {
      @Get()
      @TokenBucket({ capacity: 3, rate: '1/s' })
      名前() {}

      @Get('quotes')
      @TokenBucket({ capacity: 3, rate: '1/s' })
      'say "\\hi",\n'() {}
    }
    const { request } = await boot(Größe);

    expect(members(await request('/cats'))).toEqual({
      'Gr%C3%B6%C3%9Fe.%E5%90%8D%E5%89%8D': { r: 2, t: 1 },
    });
    const quotes = await request('/cats/quotes');
    expect(members(quotes)).toEqual({ 'Gr%C3%B6%C3%9Fe.say "\\hi",%0A': { r: 2, t: 1 } });
    expect(Object.values(members(quotes, 'RateLimit-Policy'))).toEqual([{ q: 3, w: 3 }]);
  });
  it('fit the format where the numbers of a policy pass its bounds', async () => {
    const huge = tokenBucket({ name: 'huge', capacity: Number.MAX_SAFE_INTEGER, rate: 1e9 });
    const { request } = await boot(catsWith(RateLimit(huge)));

    expect(members(await request('/cats'), 'RateLimit-Policy')).toMatchObject({
      huge: { q: 999_999_999_999_999 },
    });
  });
});
