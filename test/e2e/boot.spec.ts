import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, type DynamicModule, Get, Inject, Injectable, Module, type Type } from '@nestjs/common';
import { LazyModuleLoader, ModuleRef } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import {
  byGlobal,
  RateLimit,
  RateLimitError,
  RateLimiterService,
  RateLimitGuard,
  RateLimitInterceptor,
  RateLimitModule,
  type RateLimitModuleOptions,
  type RateLimitOptionsFactory,
  SkipRateLimit,
  TokenBucket,
  tokenBucket,
} from '../../lib/index.js';
import { adapters, bootApp, closeApps } from '../support/app.js';
import { catsWith, moduleOf } from '../support/routes.js';

const chat = tokenBucket({ name: 'chat', capacity: 2, rate: '1/h' });
const limited = catsWith(TokenBucket({ capacity: 2, rate: '1/h' }));

@Injectable()
class Chats {
  constructor(@Inject(RateLimiterService) readonly limiter: RateLimiterService) {}
}

@Module({ providers: [Chats], exports: [Chats] })
class ChatModule {}

afterEach(closeApps);

describe.each(adapters)('on %s', (adapter) => {
  it('a decorated route without forRoot stops the boot, and is told what to import', async () => {
    for (const controller of [limited, catsWith(RateLimit('chat'))]) {
      await expect(bootApp({ controllers: [controller], rateLimit: false, adapter })).rejects.toMatchObject({
        code: 'MISSING_FOR_ROOT',
        message: expect.stringContaining('RateLimitModule.forRoot()'),
      });
    }
  });

  it('feature modules import nothing', async () => {
    const { statuses } = await bootApp({ imports: [moduleOf(limited)], adapter });

    expect(await statuses(3, '/cats')).toEqual([200, 200, 429]);
  });

  it('guard and interceptor that the application makes itself limit too, and count once', async () => {
    const { statuses } = await bootApp({
      controllers: [limited],
      adapter,
      prepare: (app) => {
        app.useGlobalGuards(new RateLimitGuard(app.get(ModuleRef)));
        app.useGlobalInterceptors(new RateLimitInterceptor(app.get(ModuleRef)));
      },
    });

    expect(await statuses(3, '/cats')).toEqual([200, 200, 429]);
  });
});

describe('a unit test of a decorated controller', () => {
  it('compiles without the module, and calls the method as it is', async () => {
    const module = await Test.createTestingModule({ controllers: [limited] }).compile();
    const cats = module.get<{ find(): unknown }>(limited);

    expect([1, 2, 3].map(() => cats.find())).toEqual([[], [], []]);
  });
});

describe('forRootAsync', () => {
  const options: RateLimitModuleOptions = { global: [chat], key: byGlobal(), headers: 'legacy' };
  const SETTINGS = Symbol('settings');

  class Settings implements RateLimitOptionsFactory {
    async createRateLimitOptions() {
      return options;
    }
  }

  @Module({
    providers: [{ provide: SETTINGS, useValue: options }, Settings],
    exports: [SETTINGS, Settings],
  })
  class SettingsModule {}

  it.each<[string, DynamicModule]>([
    [
      'useFactory',
      RateLimitModule.forRootAsync({
        imports: [SettingsModule],
        inject: [SETTINGS],
        useFactory: async (settings: RateLimitModuleOptions) => settings,
      }),
    ],
    ['useClass', RateLimitModule.forRootAsync({ useClass: Settings })],
    ['useExisting', RateLimitModule.forRootAsync({ imports: [SettingsModule], useExisting: Settings })],
  ])('takes its options from %s', async (_, module) => {
    const { request } = await bootApp({ rateLimit: false, imports: [module], controllers: [catsWith()] });

    expect((await request('/cats')).headers.get('x-ratelimit-remaining')).toBe('1');
    expect((await request('/cats')).headers.get('x-ratelimit-remaining')).toBe('0');
    expect((await request('/cats')).status).toBe(429);
  });

  it('checks the options as forRoot does', async () => {
    const wrong = { headers: 'all' } as unknown as RateLimitModuleOptions;
    const module = RateLimitModule.forRootAsync({ useFactory: () => wrong });

    await expect(bootApp({ rateLimit: false, imports: [module] })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
  });
});

describe('the service', () => {
  it('is there for every module', async () => {
    const { app } = await bootApp({ imports: [ChatModule], rateLimit: { policies: [chat] } });

    expect(await app.get(Chats, { strict: false }).limiter.consume('chat', 'ada')).toMatchObject({
      allowed: true,
      remaining: 1,
    });
  });

  it('is there for a module that is loaded later', async () => {
    const { app } = await bootApp({ rateLimit: { policies: [chat] } });
    const module = await app.get(LazyModuleLoader).load(() => ChatModule);

    expect(module.get(Chats).limiter).toBe(app.get(RateLimiterService));
  });

  it('with isGlobal: false is there for modules that import ours only, while routes are limited everywhere', async () => {
    const ours = RateLimitModule.forRoot({ isGlobal: false });
    @Module({ imports: [ours], providers: [Chats] })
    class ImportsOurs {}

    await expect(bootApp({ rateLimit: false, imports: [ours, ChatModule] })).rejects.toThrow(/Chats/);
    const { statuses } = await bootApp({ rateLimit: false, imports: [ImportsOurs, moduleOf(limited)] });
    expect(await statuses(3, '/cats')).toEqual([200, 200, 429]);
  });
});

describe('the boot stops', () => {
  const boots = (controller: Type, rateLimit?: RateLimitModuleOptions) =>
    bootApp({ controllers: [controller], ...(rateLimit && { rateLimit }) });
  const asOptions = (options: object) => options as Parameters<typeof TokenBucket>[0];

  it('at a second forRoot, which would count every request apart', async () => {
    const imports = [moduleOf(limited), RateLimitModule.forRoot({ prefix: 'second' })];

    await expect(bootApp({ imports })).rejects.toMatchObject({
      code: 'DUPLICATE_FOR_ROOT',
      message: expect.stringContaining('2 times'),
    });
  });

  it.each<[string, object]>([
    ['UNKNOWN_OPTION', { capacity: 2, rate: 1, ttl: 5 }],
    ['UNKNOWN_OPTION', { capacity: 2, rate: 1, skipIf: async () => false }],
    ['INVALID_CAPACITY', { capacity: '10', rate: 1 }],
    ['INVALID_CAPACITY', { rate: 1 }],
    ['INVALID_RATE', { capacity: 2, rate: '5/fortnight' }],
    ['INVALID_RATE', { capacity: 2, rate: 0 }],
    ['RATE_DOES_NOT_FIT', { capacity: Number.MAX_SAFE_INTEGER, rate: '1/day' }],
    ['INVALID_COST', { capacity: 2, rate: 1, cost: -1 }],
    ['COST_ABOVE_CAPACITY', { capacity: 2, rate: 1, cost: 3 }],
    ['INVALID_NAME', { capacity: 2, rate: 1, name: 'two words' }],
    ['INVALID_OPTION', { capacity: 2, rate: 1, key: 'ip' }],
    ['INVALID_OPTION', { capacity: 2, rate: 1, stage: 'early' }],
    ['INVALID_OPTION', Object.assign(() => undefined, { capacity: 2 })],
  ])('at options that cannot be meant, and names the route: %s %p', async (code, options) => {
    await expect(boots(catsWith(TokenBucket(asOptions(options))))).rejects.toMatchObject({
      code,
      message: expect.stringMatching(/^Cats\.find: @TokenBucket: /),
    });
  });

  it.each<[string, object]>([
    ['UNKNOWN_OPTION', { throttlers: [] }],
    ['INVALID_OPTION', { headers: 'draft-7' }],
    ['INVALID_OPTION', { global: [{ capacity: 2, rate: 1 }] }],
    ['INVALID_OPTION', { policies: chat }],
    ['INVALID_OPTION', { redis: true }],
    ['INVALID_OPTION', { key: 'ip' }],
    ['POLICY_CONFLICT', { policies: [chat, tokenBucket({ name: 'chat', capacity: 3, rate: '1/h' })] }],
    ['POLICY_NEEDS_NAME', { policies: [tokenBucket({ capacity: 3, rate: '1/h' })] }],
  ])('at options of the module that cannot be meant: %s %p', async (code, options) => {
    await expect(boots(limited, options)).rejects.toMatchObject({ code });
    await expect(boots(limited, options)).rejects.toThrow(RateLimitError);
  });

  it('at a name that means two things, or none', async () => {
    const other = TokenBucket({ name: 'chat', capacity: 9, rate: '1/h' });

    await expect(boots(catsWith(other), { policies: [chat] })).rejects.toMatchObject({
      code: 'POLICY_CONFLICT',
      message: expect.stringMatching(/Cats\.find.*'chat' has capacity 9.*instead of 2/),
    });
    await expect(boots(catsWith(RateLimit('chta')), { policies: [chat] })).rejects.toMatchObject({
      code: 'UNKNOWN_POLICY',
      message: expect.stringMatching(/^Cats\.find: @RateLimit: "chta".*'chat'/),
    });
  });

  it('at a decorator where no request arrives', async () => {
    class Helper {
      @TokenBucket({ capacity: 2, rate: 1 })
      help() {}
    }
    @Controller('cats')
    class Cats {
      @Get()
      find() {}

      @SkipRateLimit()
      helper() {}
    }

    await expect(bootApp({ providers: [Helper] })).rejects.toMatchObject({
      code: 'NOT_A_HANDLER',
      message: expect.stringMatching(/^Helper\.help: @TokenBucket/),
    });
    await expect(boots(Cats)).rejects.toMatchObject({
      code: 'NOT_A_HANDLER',
      message: expect.stringMatching(/^Cats\.helper: @SkipRateLimit/),
    });
  });
});
