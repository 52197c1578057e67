// What an application limits, told by itself.
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get, Post, type Type, UseGuards, UseInterceptors } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Query, ResolveField, Resolver } from '@nestjs/graphql';
import { MessagePattern, Transport } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  byAll,
  byGlobal,
  byHeader,
  byUser,
  type Decision,
  fromIps,
  LeakyBucket,
  RateLimit,
  RateLimitAdmin,
  RateLimitDecision,
  RateLimitGuard,
  RateLimitInterceptor,
  RateLimitModule,
  type RateLimitModuleOptions,
  SkipRateLimit,
  TokenBucket,
  tokenBucket,
} from '../../lib/index.js';
import { type AppOptions, bootApp, closeApps } from '../support/app.js';
import { catsWith } from '../support/routes.js';
import { listenToWarnings } from '../support/warnings.js';

const all = tokenBucket({ name: 'all', capacity: 100, rate: 50, key: byGlobal() });
const daily = tokenBucket({ name: 'daily', capacity: 1000, rate: '1000/day', key: byHeader('x-user') });

@Controller('reports')
@RateLimit(daily)
@TokenBucket({ capacity: 9, rate: '9/min' })
class Reports {
  @Get()
  @SkipRateLimit('daily')
  list() {}

  @Post()
  @LeakyBucket({ capacity: 5, rate: 2, key: byAll(byHeader('x-team'), byUser()), cost: () => 2 })
  @TokenBucket({
    key: function byTenant() {
      return 'acme';
    },
    limits: () => 'unlimited',
    allow: ['root'],
  })
  create() {}

  @Get('health')
  @SkipRateLimit()
  health() {}
}

afterEach(async () => {
  jest.restoreAllMocks();
  await closeApps();
});

/** What the log of the boot says, and what the application explains. */
async function boot(options: AppOptions) {
  const logged = listenToWarnings();
  const { app } = await bootApp(options);
  return { logged: logged(), explanation: app.get(RateLimitAdmin).explain() };
}

describe('explain()', () => {
  const options: AppOptions = {
    controllers: [Reports, catsWith()],
    rateLimit: { global: [all], skip: fromIps('10.0.0.0/8') },
  };

  it('has every route with its policies as they are in force', async () => {
    const { explanation } = await boot(options);
    const common = {
      perRequest: false,
      waits: false,
      shadow: false,
      skips: ['fromIps(10.0.0.0/8)'],
      allow: [],
      cost: 1,
    };
    const always = {
      ...common,
      ...{ policy: 'all', algorithm: 'token-bucket', capacity: 100, rate: 50, key: 'byGlobal()' },
      ...{ scope: 'global', stage: 'guard' },
    };
    const ofClass = {
      ...common,
      ...{ policy: 'Reports', algorithm: 'token-bucket', capacity: 9, rate: '9/min', key: 'byIp(64)' },
      ...{ scope: 'class', stage: 'guard' },
    };

    expect(explanation.routes).toEqual([
      { route: 'Reports.list', kind: 'http', policies: [always, ofClass], skipped: ['daily'] },
      {
        route: 'Reports.create',
        kind: 'http',
        policies: [
          always,
          {
            ...common,
            ...{ policy: 'daily', algorithm: 'token-bucket', capacity: 1000, rate: '1000/day' },
            ...{ key: 'byHeader(x-user)', scope: 'name', stage: 'guard' },
          },
          ofClass,
          {
            ...common,
            ...{
              policy: 'Reports.create#2',
              algorithm: 'token-bucket',
              capacity: undefined,
              rate: undefined,
            },
            ...{ perRequest: true, key: 'byTenant', scope: 'method', stage: 'guard', allow: ['root'] },
          },
          {
            ...common,
            ...{ policy: 'Reports.create', algorithm: 'leaky-bucket', capacity: 5, rate: 2, waits: true },
            ...{ key: 'byAll(byHeader(x-team), byUser(id))', scope: 'method', stage: 'handler' },
            cost: 'per request',
          },
        ],
        skipped: [],
      },
      { route: 'Reports.health', kind: 'http', policies: [], skipped: ['all', 'daily', 'Reports'] },
      { route: 'Cats.find', kind: 'http', policies: [always], skipped: [] },
    ]);
    expect(explanation.unlimited).toEqual(['Reports.health']);
    expect(explanation.warnings).toEqual([]);
  });

  it('as a text is a table', async () => {
    const { explanation } = await boot(options);
    // biome-ignore format: as it is printed
    expect(`${explanation}`.split('\n')).toEqual([
      'route           kind  policy             limit             key                                  scope   stage    cost         not for',
      'Reports.list    http  all                100 at 50/s       byGlobal()                           global  guard    1            fromIps(10.0.0.0/8)',
      '                      Reports            9 at 9/min        byIp(64)                             class   guard    1            fromIps(10.0.0.0/8)',
      '                      daily (skipped)',
      'Reports.create  http  all                100 at 50/s       byGlobal()                           global  guard    1            fromIps(10.0.0.0/8)',
      '                      daily              1000 at 1000/day  byHeader(x-user)                     name    guard    1            fromIps(10.0.0.0/8)',
      '                      Reports            9 at 9/min        byIp(64)                             class   guard    1            fromIps(10.0.0.0/8)',
      '                      Reports.create#2   per request       byTenant                             method  guard    1            fromIps(10.0.0.0/8), "root"',
      '                      Reports.create     5 at 2/s, waits   byAll(byHeader(x-team), byUser(id))  method  handler  per request  fromIps(10.0.0.0/8)',
      'Reports.health  http  all (skipped)',
      '                      daily (skipped)',
      '                      Reports (skipped)',
      'Cats.find       http  all                100 at 50/s       byGlobal()                           global  guard    1            fromIps(10.0.0.0/8)',
      '',
      'Not limited: Reports.health',
    ]);
  });

  it('says what is in shadow mode', async () => {
    const tried = tokenBucket({ name: 'tried', capacity: 1, rate: 1, shadow: true });
    const { explanation } = await boot({ controllers: [catsWith(RateLimit(tried))] });

    expect(explanation.routes).toMatchObject([{ policies: [{ policy: 'tried', shadow: true }] }]);
    expect(String(explanation)).toContain('tried (shadow)');
  });

  it('of an application without limits lists every route as not limited', async () => {
    const { explanation } = await boot({ controllers: [catsWith()] });

    expect(explanation.unlimited).toEqual(['Cats.find']);
    expect(String(explanation).split('\n')[1]).toMatch(/^Cats\.find {2}http {2}-/);
  });

  it('before the boot is an error', async () => {
    const module = await Test.createTestingModule({ imports: [RateLimitModule.forRoot()] }).compile();

    expect(() => module.get(RateLimitAdmin).explain()).toThrow(
      expect.objectContaining({
        code: 'NOT_INITIALIZED',
        message: expect.stringMatching(/^RateLimitAdmin\.explain: .*call it after await app\.init\(\)/),
      }),
    );
  });

  it('takes no field resolver for a route that nobody limits', async () => {
    @Resolver('Cat')
    class CatsResolver {
      @Query()
      cats() {}

      @ResolveField()
      friends() {}
    }
    const { explanation } = await boot({ providers: [CatsResolver] });

    expect(explanation.routes.map(({ route, kind }) => [route, kind])).toEqual([
      ['CatsResolver.cats', 'graphql'],
      ['CatsResolver.friends', 'graphql'],
    ]);
    expect(explanation.unlimited).toEqual(['CatsResolver.cats']);
  });
});

describe('message handlers that global policies do not reach', () => {
  const isOld = process.env.FLOODGATE_NEST !== undefined;

  function gatewayWith(...decorators: ClassDecorator[]): Type {
    @WebSocketGateway()
    class Gateway {
      @SubscribeMessage('ask')
      ask() {}

      @SubscribeMessage('limited')
      @TokenBucket({ name: 'own', capacity: 1, rate: 1 })
      limited() {}

      @SubscribeMessage('skipped')
      @SkipRateLimit()
      skipped() {}
    }
    for (const decorate of decorators) decorate(Gateway);
    return Gateway;
  }

  @Controller()
  class Rpc {
    @MessagePattern('sum')
    sum() {}

    @MessagePattern('limited')
    @RateLimit('all')
    limited() {}
  }

  const rateLimit = { global: [all] };

  it('those of gateways before NestJS 12: one warning lists them, and they count as not limited', async () => {
    const { logged, explanation } = await boot({ providers: [gatewayWith()], rateLimit });
    const warning = expect.stringMatching(
      /^Gateway\.ask: no policy of global counts here, .* put a decorator on them .* @RateLimit\('name'\)/,
    );

    expect(explanation.warnings).toEqual(isOld ? [warning] : []);
    expect(logged).toEqual(explanation.warnings);
    expect(explanation.unlimited).toEqual(isOld ? ['Gateway.ask', 'Gateway.skipped'] : ['Gateway.skipped']);
    const asked = explanation.routes.find(({ route }) => route === 'Gateway.ask');
    expect(asked?.policies.map(({ policy }) => policy)).toEqual(isOld ? [] : ['all']);
  });

  it.each<[string, ClassDecorator[]]>([
    ['@RateLimit on its class', [RateLimit('all')]],
    [
      'guard and interceptor bound by hand',
      [UseGuards(RateLimitGuard), UseInterceptors(RateLimitInterceptor)],
    ],
  ])('not those of a gateway with %s', async (_, decorators) => {
    const { explanation } = await boot({ providers: [gatewayWith(...decorators)], rateLimit });

    expect(explanation.warnings).toEqual([]);
    expect(explanation.unlimited).toEqual(['Gateway.skipped']);
  });

  it('those of microservices that are connected to an application: it depends on how', async () => {
    const { logged, explanation } = await boot({ controllers: [Rpc], rateLimit });

    expect(explanation.warnings).toEqual([
      expect.stringMatching(/^Rpc\.sum: .* only if connectMicroservice has \{ inheritAppConfig: true \}/),
    ]);
    expect(logged).toEqual(explanation.warnings);
    expect(explanation.unlimited).toEqual([]);
  });

  it('not those of a microservice by itself', async () => {
    const module = await Test.createTestingModule({
      imports: [RateLimitModule.forRoot(rateLimit)],
      controllers: [Rpc],
    }).compile();
    const app = module.createNestMicroservice({ transport: Transport.TCP, logger: false });
    await app.init();

    expect(app.get(RateLimitAdmin).explain().warnings).toEqual([]);
    await app.close();
  });

  it('nor any without global policies', async () => {
    const { explanation } = await boot({
      controllers: [Rpc],
      providers: [gatewayWith()],
      rateLimit: { policies: [all] },
    });

    expect(explanation.warnings).toEqual([]);
  });
});

describe('what comes to nothing is warned of, with its place and what to do', () => {
  const nameless = tokenBucket({ capacity: 3, rate: 1 });
  const both = (...decorators: MethodDecorator[]) => catsWith(...decorators);
  const onClass = (type: Type, ...decorators: ClassDecorator[]) => {
    for (const decorate of decorators) decorate(type);
    return type;
  };

  @Controller('cats')
  class Asks {
    @Get()
    @SkipRateLimit('own')
    find(@RateLimitDecision('own') _own?: Decision, @RateLimitDecision() _any?: Decision) {}

    @Get('other')
    @TokenBucket({ name: 'own', capacity: 1, rate: 1 })
    @RateLimit(nameless)
    other(
      @RateLimitDecision('own') _own: Decision,
      @RateLimitDecision(nameless) _nameless: Decision,
      @RateLimitDecision('Asks.other') _place: Decision,
      @RateLimitDecision(daily) _daily?: Decision,
    ) {}
  }

  it.each<[string, Type, string[], RateLimitModuleOptions?]>([
    [
      'a limit with @SkipRateLimit() beside it',
      both(RateLimit(daily), SkipRateLimit()),
      ["Cats.find: the limit 'daily' never applies, for @SkipRateLimit takes it away where it stands"],
    ],
    [
      'a limit with @SkipRateLimit of its name beside it',
      both(TokenBucket({ name: 'own', capacity: 1, rate: 1 }), SkipRateLimit('own')),
      ["Cats.find: the limit 'own' never applies"],
    ],
    [
      'a limit of a method whose class skips all',
      onClass(both(RateLimit(nameless)), SkipRateLimit()),
      ["Cats.find: the limit 'Cats.find' never applies"],
    ],
    [
      'a limit of a class that skips it',
      onClass(both(), RateLimit(daily), SkipRateLimit(daily)),
      ["Cats.find: the limit 'daily' never applies"],
    ],
    ['not a limit of a class that a method skips', onClass(both(SkipRateLimit()), RateLimit(daily)), []],
    ['not a global limit that a route skips', both(SkipRateLimit('all')), [], { global: [all] }],
    ['not a global limit that a class skips', onClass(both(), SkipRateLimit('all')), [], { global: [all] }],
    ['not @SkipRateLimit() where nothing is limited yet', both(SkipRateLimit()), []],
    [
      'a skip of what the route does not have',
      both(SkipRateLimit('daily')),
      ["Cats.find: @SkipRateLimit('daily') skips nothing, for the route has no such limit; remove it"],
      { policies: [daily] },
    ],
    [
      'a skip of what no route of the class has',
      onClass(both(), SkipRateLimit(daily)),
      ["Cats: @SkipRateLimit('daily') skips nothing, for none of its routes has such a limit; remove it"],
    ],
    [
      'the decision of a policy that the route does not have',
      Asks,
      [
        "Asks.find: @SkipRateLimit('own') skips nothing",
        "Asks.find: @RateLimitDecision: nothing decides 'own' on this route, so the parameter is always undefined",
        "Asks.other: @RateLimitDecision: nothing decides 'daily' on this route",
      ],
    ],
  ])('%s', async (_, controller, warnings, rateLimit = {}) => {
    const { logged, explanation } = await boot({ controllers: [controller], rateLimit });

    expect(explanation.warnings).toEqual(warnings.map((text) => expect.stringContaining(text)));
    expect(logged).toEqual(explanation.warnings);
  });

  it('a global guard that runs before the limits, as ever', async () => {
    const { explanation } = await boot({
      providers: [{ provide: APP_GUARD, useValue: { canActivate: () => true } }],
    });

    expect(explanation.warnings).toEqual([expect.stringMatching(/^A global guard of .* runs before/)]);
  });
});
