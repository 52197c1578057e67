import { setImmediate } from 'node:timers/promises';
import {
  type DynamicModule,
  Inject,
  Module,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { RateLimitAdmin } from './admin/rate-limit-admin.service.js';
import { checkObject } from './common/checks.js';
import { RateLimitGuard } from './guard/rate-limit.guard.js';
import { RateLimitInterceptor } from './guard/rate-limit.interceptor.js';
import { Settlements } from './guard/settlements.js';
import { RateLimiterService } from './limiter/rate-limiter.service.js';
import { BackgroundWork } from './limiter/waiting/background-work.js';
import { Turns } from './limiter/waiting/turns.js';
import { RateLimitHealthIndicator } from './observability/rate-limit-health.indicator.js';
import type { RateLimitModuleOptions } from './options/module-options.js';
import type { ParsedOptions } from './options/parse-options.js';
import type { Policy } from './options/policy.js';
import { markHandlers } from './plan/boot-check.js';
import { BoundTwice } from './plan/bound-twice.js';
import { RateLimitFeatureModule } from './rate-limit-feature.module.js';
import { StoreHealth } from './resilience/store-health.js';
import type { Store } from './stores/store.interface.js';
import { BootChecks } from './wiring/boot-checks.js';
import { ConfigurableModuleClass, type RateLimitModuleExtras } from './wiring/module-definition.js';
import { providers } from './wiring/providers.js';
import { PARSED_OPTIONS, RATE_LIMIT_STORE } from './wiring/tokens.js';

/**
 * Token buckets and leaky buckets for an application: import it once, in the root module, with `forRoot` or
 * `forRootAsync`. The decorators need nothing else.
 */
@Module({ providers, exports: [RateLimiterService, RateLimitAdmin, RateLimitHealthIndicator, StoreHealth] })
export class RateLimitModule
  extends ConfigurableModuleClass
  implements OnModuleInit, OnModuleDestroy, OnApplicationShutdown
{
  private readonly boundTwice = new BoundTwice({ guard: RateLimitGuard, interceptor: RateLimitInterceptor });

  constructor(
    @Inject(ModulesContainer) modules: ModulesContainer,
    @Inject(BootChecks) private readonly checks: BootChecks,
    @Inject(RATE_LIMIT_STORE) private readonly store: Store,
    @Inject(Turns) private readonly turns: Turns,
    @Inject(BackgroundWork) private readonly background: BackgroundWork,
    @Inject(Settlements) private readonly settlements: Settlements,
    @Inject(PARSED_OPTIONS) private readonly options: ParsedOptions,
  ) {
    super();
    markHandlers(modules);
    this.boundTwice.take(modules);
  }

  /**
   * Without options the buckets live in this process and clients are told apart by their address.
   * @throws RateLimitError at boot, for invalid options and declarations
   */
  static override forRoot(options: RateLimitModuleOptions & RateLimitModuleExtras = {}): DynamicModule {
    checkObject(options, 'RateLimitModule.forRoot', '{} or { redis: process.env.REDIS_URL }');
    return super.forRoot(options);
  }

  /**
   * Makes limiters of named policies injectable in a module: `@InjectRateLimiter(chat)`. A value also defines the policy.
   * @throws RateLimitError `POLICY_NEEDS_NAME`, `INVALID_OPTION`; at boot `UNKNOWN_POLICY`, `POLICY_CONFLICT`
   */
  static forFeature(...policies: (Policy | string)[]): DynamicModule {
    return RateLimitFeatureModule.of(policies);
  }

  /** Every mistake in a declaration stops the boot here. */
  async onModuleInit(): Promise<void> {
    // Nest has bound the routes.
    this.boundTwice.giveBack();
    try {
      await this.checks.run(RateLimitModule);
    } catch (error) {
      // No hook will run any more, and an open connection would keep the process from ending.
      await this.store.close();
      throw error;
    }
  }

  /** Before the servers stop, which wait for their requests: those whose turn has not come end now. */
  async onModuleDestroy(): Promise<void> {
    this.turns.close();
    // They are answered before the servers close their connections.
    await setImmediate();
    await this.background.drain(this.options.drainMs);
  }

  /** After the servers have stopped, so that the last requests still find the store. */
  async onApplicationShutdown(): Promise<void> {
    await this.settlements.drain(this.options.drainMs);
    await this.store.close();
  }
}
