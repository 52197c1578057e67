import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import {
  byIp,
  type Decision,
  leakyBucket,
  RateLimitDecision,
  RateLimitGuard,
  RateLimitInterceptor,
  TokenBucket,
  tokenBucket,
} from '../../lib/index.js';
import { adapters, bootApp, closeApps } from '../support/app.js';
import { expectBootError } from '../support/boot-error.js';

@Controller('cats')
@TokenBucket({ name: 'class', capacity: 100, rate: 1 })
class CatsController {
  @Get()
  @TokenBucket({ capacity: 3, rate: 1 })
  find() {
    return 'cats';
  }

  @Get('plain')
  plain() {
    return 'plain';
  }
}

@Controller('dogs')
class DogsController {
  @Get()
  find(@RateLimitDecision() decision?: Decision) {
    return { left: decision?.remaining };
  }
}

let guarded: jest.SpiedFunction<RateLimitGuard['canActivate']>;
let intercepted: jest.SpiedFunction<RateLimitInterceptor['intercept']>;

beforeEach(() => {
  guarded = jest.spyOn(RateLimitGuard.prototype, 'canActivate');
  intercepted = jest.spyOn(RateLimitInterceptor.prototype, 'intercept');
});

afterEach(async () => {
  jest.restoreAllMocks();
  await closeApps();
});

const runs = () => [guarded.mock.calls.length, intercepted.mock.calls.length];

describe.each(adapters)('on %s a route', (adapter) => {
  it('has one guard and no interceptor where nothing is left to do after the guards', async () => {
    const { statuses } = await bootApp({ controllers: [CatsController], adapter });
    expect(await statuses(4, '/cats')).toEqual([200, 200, 200, 429]);
    expect(runs()).toEqual([4, 0]);
    expect(await statuses(2, '/cats/plain')).toEqual([200, 200]);
    expect(runs()).toEqual([6, 0]);
  });

  it.each([
    ['a handler asks for its decision', [CatsController, DogsController], {}],
    ['a limit is decided after the guards', [CatsController], { stage: 'handler' as const }],
    ['a cost is settled when the handler has ended', [CatsController], { settle: () => 1 }],
  ])('has one guard and one interceptor where %s', async (_, controllers, options) => {
    const global = [tokenBucket({ name: 'all', capacity: 100, rate: 1, key: byIp(), ...options })];
    const { statuses } = await bootApp({ controllers, adapter, rateLimit: { global } });
    expect(await statuses(4, '/cats')).toEqual([200, 200, 200, 429]);
    // A guard that refuses ends it, a limit of the handler stage does not come to that.
    expect(runs()).toEqual([4, 3]);
  });

  it('waits for its turn at a bucket of all routes', async () => {
    const global = [leakyBucket({ name: 'line', capacity: 10, rate: 50 })];
    const { statuses } = await bootApp({ controllers: [CatsController], adapter, rateLimit: { global } });
    expect(await statuses(2, '/cats')).toEqual([200, 200]);
    expect(runs()).toEqual([2, 2]);
  });
});

it('what decorators bind is there again after the boot, for another application without the module', async () => {
  await bootApp({ controllers: [CatsController] });
  for (const subject of [CatsController, CatsController.prototype.find]) {
    expect(Reflect.getMetadata('__guards__', subject)).toEqual([RateLimitGuard]);
    expect(Reflect.getMetadata('__interceptors__', subject)).toEqual([RateLimitInterceptor]);
  }
  await expectBootError(() => ({ controllers: [CatsController], rateLimit: false }), {
    code: 'MISSING_FOR_ROOT',
    place: 'CatsController',
    value: 'the application has no RateLimitModule',
    fix: 'import RateLimitModule.forRoot()',
  });
});
