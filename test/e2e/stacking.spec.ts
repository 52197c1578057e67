import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, type Type } from '@nestjs/common';
import {
  LeakyBucket,
  type Policy,
  RateLimit,
  RateLimiterService,
  type RateLimitModuleOptions,
  SkipRateLimit,
  TokenBucket,
  tokenBucket,
} from '../../lib/index.js';
import { adapters, bootApp, closeApps } from '../support/app.js';
import { ManualClock } from '../support/manual-clock.js';
import { catsWith, remaining } from '../support/routes.js';

const policy = (name: string, capacity: number) => tokenBucket({ name, capacity, rate: '1/h' });
const day = policy('day', 5);
const minute = policy('minute', 1);

afterEach(closeApps);

describe.each(adapters)('on %s', (adapter) => {
  const boot = async (controllers: Type[], rateLimit: RateLimitModuleOptions = {}) => {
    const app = await bootApp({ controllers, rateLimit, adapter, clock: new ManualClock(1) });
    const service = app.app.get(RateLimiterService);
    const left = async (one: Policy) => (await service.peek(one, '127.0.0.1', { cost: 0 })).remaining;
    return { ...app, left };
  };

  describe('limits that stand on one route', () => {
    it.each([
      ['the refusing one below', [RateLimit(day), RateLimit(minute)]],
      ['the refusing one on top', [RateLimit(minute), RateLimit(day)]],
    ])('charge none when one of them refuses: %s', async (_, decorators) => {
      const { left, statuses } = await boot([catsWith(...decorators)]);

      expect(await statuses(4, '/cats')).toEqual([200, 429, 429, 429]);
      expect([await left(day), await left(minute)]).toEqual([4, 0]);
    });

    it('charge neither route nor controller nor the application when one of these refuses', async () => {
      @Controller('cats')
      @RateLimit(day)
      class Cats {
        @Get()
        @RateLimit(minute)
        find() {
          return [];
        }
      }
      const everything = policy('everything', 9);
      const { left, request, statuses } = await boot([Cats], { global: [everything] });

      expect(remaining(await request('/cats'))).toEqual({ everything: 8, day: 4, minute: 0 });
      expect(await statuses(3, '/cats')).toEqual([429, 429, 429]);
      expect([await left(everything), await left(day), await left(minute)]).toEqual([8, 4, 0]);
    });

    it('are all told about, and only those that refuse are violated', async () => {
      const { request } = await boot([catsWith(RateLimit(day), RateLimit(minute))]);
      await request('/cats');
      const refusal = await request('/cats');

      expect(remaining(refusal)).toEqual({ day: 4, minute: 0 });
      expect(await refusal.json()).toMatchObject({ 'violated-policies': ['minute'] });
    });

    it('count a name once, however often a request meets it', async () => {
      @Controller('cats')
      @RateLimit(day)
      class Cats {
        @Get()
        @RateLimit('day')
        @RateLimit(day)
        find() {
          return [];
        }
      }
      const { request } = await boot([Cats], { global: [day] });

      expect(remaining(await request('/cats'))).toEqual({ day: 4 });
    });

    it('need no names: several of one place are numbered', async () => {
      const limited = catsWith(
        TokenBucket({ capacity: 9, rate: '1/h' }),
        TokenBucket({ capacity: 5, rate: '1/h' }),
        LeakyBucket({ capacity: 7, rate: '1/h', shape: false }),
      );
      const { request } = await boot([limited]);

      expect(remaining(await request('/cats'))).toEqual({
        'Cats.find': 8,
        'Cats.find#2': 4,
        'Cats.find#3': 6,
      });
    });
  });

  describe('a policy', () => {
    it('may be used by its value or, once it is defined, by its name', async () => {
      @Controller('dogs')
      class Dogs {
        @Get()
        @RateLimit('day')
        find() {
          return [];
        }
      }
      const { request } = await boot([Dogs, catsWith(RateLimit(day), RateLimit('minute'))], {
        policies: [minute],
      });

      expect(remaining(await request('/dogs'))).toEqual({ day: 4 });
      expect(remaining(await request('/cats'))).toEqual({ day: 3, minute: 0 });
    });

    it('of the application counts on every route, decorated or not', async () => {
      @Controller('dogs')
      class Dogs {
        @Get()
        find() {
          return [];
        }
      }
      const everything = tokenBucket({ capacity: 9, rate: '1/h' });
      const { request } = await boot([Dogs, catsWith(RateLimit(day))], { global: [everything] });

      expect(remaining(await request('/dogs'))).toEqual({ global: 8 });
      expect(remaining(await request('/cats'))).toEqual({ global: 7, day: 4 });
    });
  });

  describe('a skip', () => {
    const hour = policy('hour', 7);
    const everything = policy('everything', 9);

    @Controller('cats')
    @RateLimit(day)
    @RateLimit(hour)
    @SkipRateLimit('everything')
    class Cats {
      @Get('none-else')
      noneElse() {
        return [];
      }

      @Get('by-name')
      @SkipRateLimit('day')
      byName() {
        return [];
      }

      @Get('by-value')
      @SkipRateLimit(day, hour)
      @RateLimit(minute)
      byValue() {
        return [];
      }

      @Get('twice')
      @SkipRateLimit(day)
      @SkipRateLimit('hour')
      @RateLimit(minute)
      twice() {
        return [];
      }

      @Get('all')
      @SkipRateLimit()
      @RateLimit(minute)
      all() {
        return [];
      }
    }

    @Controller('dogs')
    @SkipRateLimit()
    class Dogs {
      @Get()
      @RateLimit(minute)
      find() {
        return [];
      }
    }

    it.each([
      ['the class alone speaks', '/cats/none-else', { day: 4, hour: 6 }],
      ['the method adds a name', '/cats/by-name', { hour: 6 }],
      ['the method adds values', '/cats/by-value', { minute: 0 }],
      ['the method adds two decorators', '/cats/twice', { minute: 0 }],
      ['the method adds everything', '/cats/all', {}],
      ['the class skips everything', '/dogs', {}],
    ])('takes what class and method say together: %s', async (_, path, expected) => {
      const { left, request } = await boot([Cats, Dogs], { global: [everything] });

      expect(remaining(await request(path))).toEqual(expected);
      expect(await left(everything)).toBe(9);
    });

    it('of a name that nobody has defined, or of what is no name, stops the boot', async () => {
      const skip = SkipRateLimit as (...policies: unknown[]) => MethodDecorator;

      for (const wrong of ['dya', true]) {
        await expect(boot([catsWith(skip(wrong), RateLimit(day))])).rejects.toMatchObject({
          code: 'UNKNOWN_POLICY',
          message: expect.stringMatching(/^Cats\.find: @SkipRateLimit: .*known are: 'day'/),
        });
      }
    });
  });
});
