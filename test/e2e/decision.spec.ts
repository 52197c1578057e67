import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, type ExecutionContext, Get, Post, type Type } from '@nestjs/common';
import {
  byUser,
  type CostResolver,
  type Decision,
  RateLimit,
  RateLimitDecision,
  SkipRateLimit,
  TokenBucket,
  tokenBucket,
} from '../../lib/index.js';
import { adapters, bootApp, closeApps } from '../support/app.js';
import { ManualClock } from '../support/manual-clock.js';
import { catsWith, remaining } from '../support/routes.js';

const day = tokenBucket({ name: 'day', capacity: 10, rate: '1/h' });
const minute = tokenBucket({ name: 'minute', capacity: 5, rate: '1/s' });
const user = tokenBucket({
  name: 'user',
  capacity: 20,
  rate: '1/h',
  key: byUser('id', { anonymous: () => 'x' }),
});

@Controller('cats')
@RateLimit(day)
class Cats {
  @Get()
  @RateLimit(minute)
  @RateLimit(user)
  find(
    @RateLimitDecision() tightest: Decision,
    @RateLimitDecision('day') byName: Decision,
    @RateLimitDecision(user) byValue: Decision,
  ) {
    return { tightest, byName, byValue };
  }

  @Get('skipped')
  @SkipRateLimit('day')
  skipped(@RateLimitDecision() tightest?: Decision, @RateLimitDecision('day') byName?: Decision) {
    return { given: [tightest === undefined, byName === undefined] };
  }

  @Get('other')
  other(@RateLimitDecision('minute') elsewhere?: Decision, @RateLimitDecision(user) byValue?: Decision) {
    return { given: [elsewhere === undefined, byValue === undefined] };
  }
}

afterEach(closeApps);

describe.each(adapters)('on %s', (adapter) => {
  const boot = (...controllers: Type[]) => bootApp({ controllers, adapter, clock: new ManualClock(1) });

  describe('the decision that a handler is given', () => {
    it('is the tightest, or that of a policy by its name or value, of either stage', async () => {
      const { request } = await boot(Cats);

      expect(await (await request('/cats')).json()).toEqual({
        tightest: {
          allowed: true,
          policy: 'minute',
          key: '127.0.0.1',
          limit: 5,
          remaining: 4,
          retryAfterMs: 0,
          resetAfterMs: 1000,
          delayMs: 0,
          source: 'memory',
        },
        byName: expect.objectContaining({ policy: 'day', limit: 10, remaining: 9, resetAfterMs: 3_600_000 }),
        byValue: expect.objectContaining({ policy: 'user', key: 'anonymous|x', remaining: 19 }),
      });
    });

    it.each(['skipped', 'other'])('is undefined where nothing was decided: %s', async (path) => {
      const { request } = await boot(Cats);

      expect(await (await request(`/cats/${path}`)).json()).toEqual({ given: [true, true] });
    });

    it('is that of its own request, however many run at once', async () => {
      @Controller('cats')
      class SlowCats {
        @Get(':id')
        @TokenBucket({
          capacity: 10,
          rate: 1,
          key: (context) => context.switchToHttp().getRequest<{ params: { id: string } }>().params.id,
          cost: async () => 2,
        })
        async find(@RateLimitDecision() { key }: Decision) {
          return { key };
        }
      }
      const { request } = await boot(SlowCats);
      const ids = Array.from({ length: 20 }, (_, i) => `cat-${i}`);

      const bodies = await Promise.all(ids.map(async (id) => (await request(`/cats/${id}`)).json()));
      expect(bodies).toEqual(ids.map((key) => ({ key })));
    });
  });

  describe('the cost of a request', () => {
    const header = (context: ExecutionContext) =>
      Number(context.switchToHttp().getRequest<{ headers: Record<string, string> }>().headers['x-cost']);
    const costing = (cost: number | CostResolver) => catsWith(TokenBucket({ capacity: 10, rate: 1, cost }));
    const withCost = (cost: number | string) => ({ headers: { 'x-cost': String(cost) } });

    it.each([
      ['static', 4],
      ['a function', () => 4],
      ['an async function', async () => 4],
    ])('is taken from the bucket: %s', async (_, cost) => {
      const { request, statuses } = await boot(costing(cost));

      expect(remaining(await request('/cats'))).toEqual({ 'Cats.find': 6 });
      expect(await statuses(2, '/cats')).toEqual([200, 429]);
    });

    it('of 0 takes nothing, and passes where nothing is left', async () => {
      const { request } = await boot(costing(header));

      expect(remaining(await request('/cats', withCost(0)))).toEqual({ 'Cats.find': 10 });
      expect(remaining(await request('/cats', withCost(10)))).toEqual({ 'Cats.find': 0 });
      expect((await request('/cats', withCost(0))).status).toBe(200);
      expect((await request('/cats', withCost(1))).status).toBe(429);
    });

    it('above the capacity is refused for ever: no time to come back is told', async () => {
      const { request } = await boot(costing(header));
      const refusal = await request('/cats', withCost(11));

      expect(refusal.status).toBe(429);
      expect(refusal.headers.has('retry-after')).toBe(false);
      expect(await refusal.json()).toEqual({
        type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
        title: 'Too Many Requests',
        status: 429,
        detail: expect.stringContaining('the request costs more than the limit ever admits'),
        'violated-policies': ['Cats.find'],
      });
      expect(remaining(await request('/cats', withCost(1)))).toEqual({ 'Cats.find': 9 });
    });

    it.each(['-1', '1.5', 'NaN', 'Infinity', '9007199254740993'])(
      'of %s is an error of the application, and takes nothing',
      async (cost) => {
        const { request } = await boot(costing(header));

        expect((await request('/cats', withCost(cost))).status).toBe(500);
        expect(remaining(await request('/cats', withCost(1)))).toEqual({ 'Cats.find': 9 });
      },
    );

    it('sees the body as it came, before pipes', async () => {
      @Controller('mails')
      class Mails {
        @Post()
        @TokenBucket({
          capacity: 10,
          rate: 1,
          cost: (context) => context.switchToHttp().getRequest<{ body: { to: string[] } }>().body.to.length,
        })
        send() {
          return {};
        }
      }
      const { request } = await boot(Mails);
      const body = JSON.stringify({ to: ['a', 'b', 'c'] });
      const headers = { 'content-type': 'application/json' };

      expect(remaining(await request('/mails', { method: 'POST', body, headers }))).toEqual({
        'Mails.send': 7,
      });
    });
  });
});
