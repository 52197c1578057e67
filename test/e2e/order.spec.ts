import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  applyDecorators,
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Logger,
  Module,
  Scope,
  type Type,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import {
  byAll,
  byIp,
  byUser,
  LeakyBucket,
  RateLimit,
  RateLimiterService,
  RateLimitGuard,
  RateLimitInterceptor,
  type Stage,
  TokenBucket,
  tokenBucket,
} from '../../lib/index.js';
import { adapters, bootApp, closeApps } from '../support/app.js';
import { ManualClock } from '../support/manual-clock.js';
import { catsWith, remaining } from '../support/routes.js';

/** What happened, in order. A limit writes when it is decided: that is when it asks for its cost. */
const log: string[] = [];
const writing = (name: string) => () => {
  log.push(name);
  return 1;
};
const parameters = { capacity: 5, rate: '1/h' };
const ip = tokenBucket({ ...parameters, name: 'ip', cost: writing('ip') });
const user = tokenBucket({ ...parameters, name: 'user', key: byUser(), cost: writing('user') });

function guard(name: string, admits = true): Type<CanActivate> {
  class Guard implements CanActivate {
    canActivate(context: ExecutionContext) {
      log.push(name);
      context.switchToHttp().getRequest<{ user?: object }>().user = { id: 'ada' };
      return admits;
    }
  }
  return Guard;
}

/** A module with a global guard; `bootApp` imports it after ours. */
function globalGuard(type: Type<CanActivate>): Type {
  @Module({ providers: [{ provide: APP_GUARD, useClass: type }] })
  class AuthModule {}
  return AuthModule;
}

/** `/cats` with these decorators, each list from the top down. */
function catsBetween(onClass: ClassDecorator[], onMethod: MethodDecorator[]): Type {
  @Controller('cats')
  @applyDecorators(...[...onClass].reverse())
  class Cats {
    @Get()
    @applyDecorators(...[...onMethod].reverse())
    find() {
      log.push('handler');
      return [];
    }
  }
  return Cats;
}

beforeEach(() => {
  log.length = 0;
});
afterEach(closeApps);

describe.each(adapters)('on %s', (adapter) => {
  const clock = new ManualClock(1);
  const boot = (controller: Type, ...imports: Type[]) =>
    bootApp({ controllers: [controller], imports, adapter, clock });

  describe('a limit by address is decided before every guard, and one by user after all of them', () => {
    const [classGuard, methodGuard] = [UseGuards(guard('class')), UseGuards(guard('method'))];
    const [byAddress, byName] = [RateLimit(ip), RateLimit(user)];

    it.each([
      ['on the method: guard, address, user', [classGuard], [methodGuard, byAddress, byName]],
      ['on the method: user, guard, address', [classGuard], [byName, methodGuard, byAddress]],
      ['on the method: address, user, guard', [classGuard], [byAddress, byName, methodGuard]],
      ['on the class: user, address, guard', [byName, byAddress, classGuard], [methodGuard]],
      ['on the class: guard, address, user', [classGuard, byAddress, byName], [methodGuard]],
      ['address on the class, user on the method', [classGuard, byAddress], [byName, methodGuard]],
      ['user on the class, address on the method', [byName, classGuard], [methodGuard, byAddress]],
    ])('%s', async (_, onClass, onMethod) => {
      const { statuses } = await boot(
        catsBetween(onClass as ClassDecorator[], onMethod as MethodDecorator[]),
        globalGuard(guard('global')),
      );

      expect(await statuses(1, '/cats')).toEqual([200]);
      expect(log).toEqual(['ip', 'global', 'class', 'method', 'user', 'handler']);
    });

    it('so no guard is asked about a request that its address has used up', async () => {
      const one = TokenBucket({ capacity: 1, rate: '1/h' });
      const { statuses } = await boot(
        catsBetween([classGuard], [one, methodGuard]),
        globalGuard(guard('global')),
      );

      expect(await statuses(2, '/cats')).toEqual([200, 429]);
      expect(log).toEqual(['global', 'class', 'method', 'handler']);
    });
  });

  it('what the first stage took stays taken when a guard in between refuses, and the second is not asked', async () => {
    const controller = catsWith(RateLimit(ip), RateLimit(user), UseGuards(guard('method', false)));
    const { app, request, statuses } = await boot(controller);

    const refusal = await request('/cats');
    expect([refusal.status, remaining(refusal)]).toEqual([403, { ip: 4 }]);
    expect(await statuses(5, '/cats')).toEqual([403, 403, 403, 403, 429]);
    expect(await app.get(RateLimiterService).peek('user', 'ada', { cost: 0 })).toMatchObject({
      remaining: 5,
    });
  });

  it('what the first stage took stays taken when the second refuses, and its headers tell both', async () => {
    const scarce = TokenBucket({ name: 'scarce', capacity: 1, rate: '1/h', key: byAll(byIp(), byUser()) });
    const { request } = await boot(catsWith(RateLimit(ip), scarce, UseGuards(guard('method'))));

    expect(remaining(await request('/cats'))).toEqual({ ip: 4, scarce: 0 });
    const refusal = await request('/cats');
    expect([refusal.status, remaining(refusal)]).toEqual([429, { ip: 3, scarce: 0 }]);
    expect(await refusal.json()).toMatchObject({ 'violated-policies': ['scarce'] });
  });

  it('guard and interceptor decide once, wherever they are bound', async () => {
    const bound = applyDecorators(UseGuards(RateLimitGuard), UseInterceptors(RateLimitInterceptor));
    const auth = UseGuards(guard('auth'));
    @Module({
      providers: [
        { provide: APP_GUARD, useClass: RateLimitGuard },
        { provide: APP_INTERCEPTOR, useClass: RateLimitInterceptor },
      ],
    })
    class BindsThemAgain {}
    const controller = catsBetween([bound, RateLimit(ip), bound], [bound, auth, RateLimit(user), bound]);
    const { request } = await boot(controller, BindsThemAgain);

    expect(remaining(await request('/cats'))).toEqual({ ip: 4, user: 4 });
    expect(remaining(await request('/cats'))).toEqual({ ip: 3, user: 3 });
    expect(log.slice(0, 4)).toEqual(['ip', 'auth', 'user', 'handler']);
  });

  describe('a stage that is asked for is kept', () => {
    const auth = UseGuards(guard('auth'));
    const staged = (stage: Stage) => TokenBucket({ ...parameters, cost: writing('limit'), stage });

    it.each([
      ['guard', ['limit', 'auth', 'handler']],
      ['handler', ['auth', 'limit', 'handler']],
    ] as const)('%s', async (stage, expected) => {
      const { statuses } = await boot(catsBetween([staged(stage)], [auth]));

      expect(await statuses(1, '/cats')).toEqual([200]);
      expect(log).toEqual(expected);
    });

    it.each([
      ['guard', ['limit', 'auth'], ['handler']],
      ['handler', ['auth', 'limit'], ['handler']],
    ] as const)('%s, on a leaky bucket that waits: it waits after the guards', async (stage, early, late) => {
      const line = LeakyBucket({ capacity: 2, rate: '1/200ms', cost: writing('limit'), stage });
      const { request } = await boot(catsBetween([line], [auth]));
      await request('/cats');
      log.length = 0;
      const waiting = request('/cats');
      while (log.length < 2) await new Promise(setImmediate);

      expect(log).toEqual(early);
      await waiting;
      expect(log).toEqual([...early, ...late]);
    });
  });
});

describe('the boot log', () => {
  const said = async (level: 'log' | 'warn', options: Parameters<typeof bootApp>[0]) => {
    const spy = jest.spyOn(Logger.prototype, level).mockReturnValue();
    try {
      await bootApp({ controllers: [catsWith(RateLimit(ip))], ...options });
      return spy.mock.calls.map(([message]) => String(message));
    } finally {
      spy.mockRestore();
    }
  };

  it('says that the buckets live in the memory of this process', async () => {
    expect(await said('log', {})).toContainEqual(
      expect.stringMatching(/memory of this process.*option redis/),
    );
  });

  it('warns of a global guard that runs before the limits, and says what to do', async () => {
    const providers = [{ provide: APP_GUARD, useClass: guard('global') }];

    expect(await said('warn', { providers })).toEqual([
      expect.stringMatching(/A global guard of RootTestModule runs before.*imported after RateLimitModule/),
    ]);
  });

  it('is silent about a global guard that runs after them', async () => {
    const useClass = guard('global');
    const scoped = { provide: APP_GUARD, useClass, scope: Scope.REQUEST };

    expect(await said('warn', { imports: [globalGuard(useClass)] })).toEqual([]);
    expect(await said('warn', { providers: [scoped] })).toEqual([]);
  });

  it('is right about a guard that is made for each request: the limit comes first', async () => {
    const scoped = { provide: APP_GUARD, useClass: guard('global'), scope: Scope.REQUEST };
    const { statuses } = await bootApp({ controllers: [catsWith(RateLimit(ip))], providers: [scoped] });

    expect(await statuses(1, '/cats')).toEqual([200]);
    expect(log).toEqual(['ip', 'global']);
  });
});
