import { afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  type CallHandler,
  Controller,
  type ExecutionContext,
  Get,
  Injectable,
  type NestInterceptor,
  Scope,
} from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { retry } from 'rxjs/operators';
import {
  type Decision,
  LeakyBucket,
  RateLimit,
  RateLimitDecision,
  RateLimiterService,
  TokenBucket,
  tokenBucket,
} from '../../lib/index.js';
import { PlanBuilder } from '../../lib/plan/plan-builder.js';
import { adapters, bootApp, closeApps } from '../support/app.js';
import { ManualClock } from '../support/manual-clock.js';

afterEach(closeApps);

const clock = new ManualClock(1);

/** As a library would that traces calls, and does not keep the name. */
const wrapped: MethodDecorator = (_target, _name, descriptor: PropertyDescriptor) => {
  const original = descriptor.value as (...args: unknown[]) => unknown;
  const wrapper = function (this: unknown, ...args: unknown[]) {
    return original.apply(this, args);
  };
  for (const key of Reflect.getMetadataKeys(original)) {
    Reflect.defineMetadata(key, Reflect.getMetadata(key, original), wrapper);
  }
  descriptor.value = wrapper;
};

@Controller('bound')
class BoundController {
  constructor() {
    this.find = this.find.bind(this);
  }

  @Get()
  @TokenBucket({ capacity: 2, rate: 1 })
  find() {
    return [];
  }
}

@Controller({ path: 'bound-each', scope: Scope.REQUEST })
class BoundEachController {
  constructor() {
    this.find = this.find.bind(this);
  }

  @Get()
  @TokenBucket({ capacity: 2, rate: 1 })
  find() {
    return [];
  }
}

@Controller('wrapped')
class WrappedController {
  @wrapped
  @Get()
  @TokenBucket({ capacity: 2, rate: 1 })
  find() {
    return [];
  }
}

@Controller('replaced')
class ReplacedController {
  constructor() {
    (this as { find: unknown }).find = Object.defineProperty(() => [], 'name', { value: 'other' });
  }

  @Get()
  @TokenBucket({ capacity: 2, rate: 1 })
  find() {
    return [];
  }
}

@Controller('free')
class FreeController {
  constructor() {
    (this as { find: unknown }).find = Object.defineProperty(() => [], 'name', { value: 'other' });
  }

  @Get()
  find() {
    return [];
  }
}

describe.each(adapters)('on %s, a handler that is not the function of the class', (adapter) => {
  it.each([
    ['bound in the constructor', BoundController, '/bound'],
    ['bound for each request', BoundEachController, '/bound-each'],
    ['wrapped without its name', WrappedController, '/wrapped'],
  ])('%s is limited, and planned once', async (_, controller, path) => {
    const build = jest.spyOn(PlanBuilder.prototype, 'build');
    const { statuses } = await bootApp({ controllers: [controller], adapter, clock });
    const planned = build.mock.calls.length;
    expect(await statuses(3, path)).toEqual([200, 200, 429]);
    expect(build.mock.calls.length).toBe(planned);
    build.mockRestore();
  });

  it('and that nothing identifies is an error, never unlimited; without any limit it is served', async () => {
    const { statuses } = await bootApp({ controllers: [ReplacedController, FreeController], adapter, clock });
    expect(await statuses(1, '/replaced')).toEqual([500]);
    expect(await statuses(3, '/free')).toEqual([200, 200, 200]);
  });
});

@Injectable()
class RetryInterceptor implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler) {
    return next.handle().pipe(retry(2));
  }
}

describe('a stage that is asked again inside of one request', () => {
  @Controller('line')
  class LineController {
    @Get()
    @LeakyBucket({ capacity: 1, rate: '1/h', maxWaitMs: 0 })
    find() {
      return [];
    }
  }

  it('is refused again', async () => {
    const { request, statuses } = await bootApp({
      controllers: [LineController],
      providers: [{ provide: APP_INTERCEPTOR, useClass: RetryInterceptor }],
      clock,
    });
    expect(await statuses(3, '/line')).toEqual([200, 429, 429]);
    expect((await request('/line')).headers.get('ratelimit')).toBe('"LineController.find";r=0;t=3600');
  });

  it('asks for a key again that could not be told the first time', async () => {
    let calls = 0;
    const key = () => {
      if (calls++ === 0) throw new Error('not now');
      return 'ada';
    };

    @Controller('flaky')
    class FlakyController {
      @Get()
      @TokenBucket({ capacity: 2, rate: 1, key, stage: 'handler' })
      find(@RateLimitDecision() decision: Decision) {
        return { left: decision.remaining };
      }
    }

    const { request } = await bootApp({
      controllers: [FlakyController],
      providers: [{ provide: APP_INTERCEPTOR, useClass: RetryInterceptor }],
      clock,
    });
    expect(await (await request('/flaky')).json()).toEqual({ left: 1 });
  });
});

describe('a policy that is meant', () => {
  const small = tokenBucket({ capacity: 2, rate: 1 });
  const large = tokenBucket({ capacity: 9, rate: 1 });

  @Controller('two')
  class TwoController {
    @Get()
    @RateLimit(small)
    @RateLimit(large)
    find(@RateLimitDecision(large) decision: Decision) {
      return { limit: decision.limit };
    }
  }

  it('by its value is found, with a name or without', async () => {
    const { request } = await bootApp({ controllers: [TwoController], clock });
    expect(await (await request('/two')).json()).toEqual({ limit: 9 });
  });

  it('by a value of the name of a route is refused by the service', async () => {
    const { app } = await bootApp({ controllers: [TwoController], clock });
    const alike = tokenBucket({ name: 'TwoController.find', capacity: 7, rate: 1 });
    await expect(app.get(RateLimiterService).consume(alike, 'ada')).rejects.toMatchObject({
      code: 'DUPLICATE_SCOPE',
    });
  });
});
