import { type DynamicModule, Module } from '@nestjs/common';
import { ModuleRef, ModulesContainer } from '@nestjs/core';
import { checkObject } from '../common/checks.js';
import { PolicyRegistry } from '../limiter/policy-registry.js';
import type { RateLimitModuleOptions } from '../options/module-options.js';
import { RateLimitModule } from '../rate-limit.module.js';
import type { RateLimitModuleExtras } from '../wiring/module-definition.js';
import { RATE_LIMIT_STORE } from '../wiring/tokens.js';
import { RateLimitTesting } from './rate-limit-testing.js';
import type { TestingStore } from './testing.store.js';

/** What is needed of a `TestingModuleBuilder` of @nestjs/testing. */
export interface OverridableBuilder {
  overrideProvider(token: unknown): {
    useFactory(options: {
      factory: (moduleRef: ModuleRef, modules: ModulesContainer) => TestingStore;
      inject: unknown[];
    }): unknown;
  };
}

/** Rate limits for tests: no server, no refusals and no waits until {@link RateLimitTesting} is told otherwise. */
@Module({})
export class RateLimitTestingModule {
  /**
   * For an application that imports `RateLimitModule.forRoot({ redis })`: nothing is connected to, and `RateLimitTesting` is
   * found with `app.get`. Keys, costs, decisions and headers are what they are in production.
   * @returns the builder
   */
  static override<Builder extends OverridableBuilder>(builder: Builder): Builder {
    builder.overrideProvider(RATE_LIMIT_STORE).useFactory({
      factory: (moduleRef, modules) => {
        const testing = testingOf(moduleRef);
        // An override replaces what a module provides; this it has never provided.
        const root = [...modules.values()].find(({ metatype }) => metatype === RateLimitModule);
        root?.addProvider({ provide: RateLimitTesting, useValue: testing });
        return testing.store;
      },
      inject: [ModuleRef, ModulesContainer],
    });
    return builder;
  }

  /**
   * Instead of `RateLimitModule.forRoot`, for a test that assembles its own modules. The options are the same; `redis` and
   * `store` count for nothing.
   */
  static forRoot(options: RateLimitModuleOptions & RateLimitModuleExtras = {}): DynamicModule {
    checkObject(options, 'RateLimitTestingModule.forRoot', '{} or the options of RateLimitModule.forRoot');
    const { redis: _, isGlobal = true, ...rest } = options;
    return RateLimitModule.forRootAsync({
      isGlobal,
      // One for each application, though the module may serve several.
      provideInjectionTokensFrom: [{ provide: RateLimitTesting, useFactory: testingOf, inject: [ModuleRef] }],
      inject: [RateLimitTesting],
      useFactory: ({ store }: RateLimitTesting) => ({ ...rest, store }),
    });
  }
}

const testingOf = (moduleRef: ModuleRef): RateLimitTesting =>
  new RateLimitTesting(() => moduleRef.get(PolicyRegistry, { strict: false }));
