import { afterEach, describe, expect, it } from '@jest/globals';
import { type ExecutionContext, Inject, Injectable, Module, Scope } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import {
  byGlobal,
  byHeader,
  byIp,
  LeakyBucket,
  type Limits,
  type LimitsResolver,
  RateLimit,
  RateLimiterService,
  TokenBucket,
  tokenBucket,
} from '../../lib/index.js';
import { adapters, bootApp, closeApps } from '../support/app.js';
import { expectBootError } from '../support/boot-error.js';
import { ManualClock } from '../support/manual-clock.js';
import { expectMistake } from '../support/mistake.js';
import { catsWith, moduleOf } from '../support/routes.js';

const plans: Record<string, Limits> = {
  free: { capacity: 2, rate: '1/h' },
  pro: { capacity: 5, rate: '10/h' },
};
const byUser = byHeader('x-user');
const asUser = (user: string) => ({ headers: { 'x-user': user } });

/** Which plan a user has, and how often that was asked. */
const users = new Map<string, string>();
let asked: string[] = [];

async function planOf(user: string): Promise<Limits | 'unlimited'> {
  asked.push(user);
  const plan = users.get(user) ?? 'free';
  return plan === 'staff' ? 'unlimited' : plans[plan]!;
}

/** A plans repository. */
@Injectable()
class Plans {
  readonly of = planOf;
}

@Injectable()
class PlanLimits implements LimitsResolver {
  constructor(@Inject(Plans) private readonly plans: Plans) {}

  limitsFor(_: ExecutionContext, user: string) {
    return this.plans.of(user);
  }
}

@Module({ providers: [Plans, PlanLimits], exports: [PlanLimits] })
class PlansModule {}

afterEach(async () => {
  users.clear();
  asked = [];
  await closeApps();
});

describe.each(adapters)('limits per request, on %s', (adapter) => {
  it.each([
    ['a function', TokenBucket({ key: byUser, limits: (_, user) => planOf(user) })],
    ['a class with dependencies of its own', TokenBucket({ key: byUser, limits: PlanLimits })],
  ])('come from %s', async (_, decorator) => {
    const { statuses, request } = await bootApp({
      imports: [PlansModule],
      controllers: [catsWith(decorator)],
      adapter,
    });
    users.set('grace', 'pro').set('root', 'staff');
    expect(await statuses(3, '/cats', asUser('ada'))).toEqual([200, 200, 429]);
    expect(await statuses(6, '/cats', asUser('grace'))).toEqual([200, 200, 200, 200, 200, 429]);
    const refused = await request('/cats', asUser('grace'));
    expect(refused.headers.get('ratelimit-policy')).toMatch(/;q=5;w=1800$/);
    expect(refused.headers.get('retry-after')).toBe('360');
    // Nothing limits, so there is nothing to tell.
    expect(await statuses(9, '/cats', asUser('root'))).toEqual(Array(9).fill(200));
    expect((await request('/cats', asUser('root'))).headers.get('ratelimit-policy')).toBeNull();
  });

  it('come from a request-scoped class, which shares the request with the handler', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class RequestLimits implements LimitsResolver {
      constructor(@Inject(REQUEST) private readonly request: { headers: Record<string, string> }) {}

      limitsFor() {
        return { capacity: Number(this.request.headers['x-capacity']), rate: '1/h' };
      }
    }
    const { statuses } = await bootApp({
      providers: [RequestLimits],
      controllers: [catsWith(TokenBucket({ key: byUser, limits: RequestLimits }))],
      adapter,
    });
    const headers = (user: string, capacity: number) => ({
      headers: { 'x-user': user, 'x-capacity': `${capacity}` },
    });
    expect(await statuses(2, '/cats', headers('ada', 1))).toEqual([200, 429]);
    expect(await statuses(4, '/cats', headers('bob', 3))).toEqual([200, 200, 200, 429]);
  });

  it('stand in one stack with fixed ones: all or nothing', async () => {
    const { statuses, request } = await bootApp({
      controllers: [
        catsWith(
          TokenBucket({ name: 'ip', capacity: 3, rate: '1/h', key: byIp() }),
          TokenBucket({ name: 'plan', key: byUser, limits: (_, user) => planOf(user) }),
          TokenBucket({ name: 'all', capacity: 100, rate: '1/h', key: byGlobal() }),
        ),
      ],
      adapter,
    });
    expect(await statuses(3, '/cats', asUser('ada'))).toEqual([200, 200, 429]);
    const last = await request('/cats', asUser('bob'));
    expect(last.headers.get('ratelimit')).toMatch(/"ip";r=0;.*"plan";r=1;.*"all";r=97;/);
  });

  it('of a line make requests wait', async () => {
    const { request } = await bootApp({
      controllers: [catsWith(LeakyBucket({ key: byUser, limits: () => ({ capacity: 2, rate: 50 }) }))],
      adapter,
    });
    const since = performance.now();
    const responses = await Promise.all([1, 2].map(() => request('/cats', asUser('ada'))));
    expect(responses.map(({ status }) => status)).toEqual([200, 200]);
    expect(performance.now() - since).toBeGreaterThan(19);
  });
});

describe('the answers', () => {
  it('are asked for at each request, unless they are kept for a time', async () => {
    const { statuses } = await bootApp({
      controllers: [
        catsWith(
          TokenBucket({ name: 'fresh', key: byUser, limits: (_, user) => planOf(`fresh ${user}`) }),
          TokenBucket({ name: 'kept', key: byUser, limits: (_, user) => planOf(user), limitsTtlMs: 60_000 }),
        ),
      ],
    });
    await statuses(2, '/cats', asUser('ada'));
    await statuses(1, '/cats', asUser('bob'));
    expect(asked).toEqual(['fresh ada', 'ada', 'fresh ada', 'fresh bob', 'bob']);
  });

  it('take effect at the next request, and mint nothing', async () => {
    const clock = new ManualClock(0);
    const { statuses } = await bootApp({
      controllers: [catsWith(TokenBucket({ key: byUser, limits: (_, user) => planOf(user) }))],
      clock,
    });
    expect(await statuses(3, '/cats', asUser('ada'))).toEqual([200, 200, 429]);
    users.set('ada', 'pro');
    // Two of the five are taken.
    expect(await statuses(4, '/cats', asUser('ada'))).toEqual([200, 200, 200, 429]);
    users.set('ada', 'free');
    expect(await statuses(1, '/cats', asUser('ada'))).toEqual([429]);
    users.set('ada', 'pro');
    expect(await statuses(1, '/cats', asUser('ada'))).toEqual([429]);
  });

  it.each<[string, unknown, string, string]>([
    ['INVALID_LIMITS', undefined, 'the answer is undefined', "answer { capacity, rate } or 'unlimited'"],
    ['INVALID_LIMITS', 'gold', '"gold" (string)', "answer { capacity, rate } or 'unlimited'"],
    ['INVALID_CAPACITY', { capacity: 0, rate: 1 }, 'capacity is 0', 'write an integer of at least 1'],
    ['INVALID_RATE', { capacity: 1 }, 'rate is undefined', 'write a number above 0'],
  ])('that are none are %s: %p', async (code, answer, value, fix) => {
    const errors: unknown[] = [];
    const { request } = await bootApp({
      controllers: [catsWith(TokenBucket({ key: byUser, limits: () => answer as Limits }))],
      prepare: (app) =>
        app.useGlobalFilters({
          catch(error: unknown, host) {
            errors.push(error);
            host.switchToHttp().getResponse().status(500).end();
          },
        }),
    });
    expect((await request('/cats', asUser('ada'))).status).toBe(500);
    await expectMistake(
      () => {
        throw errors[0];
      },
      { code: code as never, place: 'Cats.find: limits', value, fix },
    );
  });
});

describe('the service', () => {
  const api = tokenBucket({ name: 'api', limits: PlanLimits });

  it('is told the limits', async () => {
    const { app } = await bootApp({
      imports: [PlansModule, moduleOf(catsWith(RateLimit(api)))],
      rateLimit: { key: byUser },
    });
    const limiter = app.get(RateLimiterService);
    expect(await limiter.consume('api', 'ada', { limits: plans.pro!, cost: 4 })).toMatchObject({
      limit: 5,
      remaining: 1,
    });
    expect(await limiter.consume('api', 'ada', { limits: plans.free! })).toMatchObject({
      allowed: false,
      limit: 2,
    });
    expect(await limiter.refund('api', 'ada', 4)).toBe(true);
    const both = await limiter.consumeAll([{ policy: api, key: 'ada', limits: plans.free! }]);
    expect(both.tightest).toMatchObject({ limit: 2, remaining: 1 });
    await expectMistake(() => limiter.consume('api', 'ada'), {
      code: 'LIMITS_NEEDED',
      place: 'RateLimiterService.consume',
      value: "the limits of 'api' depend on the request",
      fix: '{ limits: { capacity, rate } }',
    });
    const fixed = tokenBucket({ name: 'fixed', capacity: 1, rate: 1 });
    await expectMistake(() => limiter.consume(fixed, 'ada', { limits: plans.free! }), {
      code: 'INVALID_OPTION',
      place: 'RateLimiterService.consume',
      value: "'fixed' has limits of its own",
      fix: 'leave it out',
    });
  });
});

describe('a mistake', () => {
  it.each([
    ['which no module provides', {}],
    [
      'which 2 modules provide',
      { imports: [PlansModule, moduleOf(catsWith())], providers: [Plans, PlanLimits] },
    ],
  ])('a class %s stops the boot', async (value, options) => {
    const controllers = [catsWith(TokenBucket({ limits: PlanLimits }))];
    await expectBootError(() => ({ ...options, controllers }), {
      code: 'LIMITS_PROVIDER',
      place: 'Cats.find',
      value,
      fix: 'provide',
    });
  });

  it.each<[object, string, string]>([
    [{ limits: PlanLimits, capacity: 5 }, 'capacity is 5 (number) beside limits', 'leave one of the two out'],
    [{ limits: PlanLimits, rate: 5 }, 'rate is 5 (number) beside limits', 'leave one of the two out'],
    [{ limits: 'free' }, 'limits is "free" (string)', '(context, key) =>'],
    [{ limits: PlanLimits, limitsTtlMs: -1 }, 'limitsTtlMs is -1', 'write an integer from 0'],
    [{ capacity: 5, rate: 5, limitsTtlMs: 1 }, 'limitsTtlMs is 1 (number) without limits', 'leave it out'],
  ])('%p is told at once', async (options, value, fix) => {
    await expectMistake(() => tokenBucket(options as never), {
      code: 'INVALID_OPTION',
      place: 'tokenBucket',
      value,
      fix,
    });
  });
});
