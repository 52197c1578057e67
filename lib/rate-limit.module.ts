import { setImmediate } from 'node:timers/promises';
import {
  type DynamicModule,
  Inject,
  Logger,
  Module,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
  type Provider,
} from '@nestjs/common';
import {
  APP_FILTER,
  APP_GUARD,
  APP_INTERCEPTOR,
  HttpAdapterHost,
  ModuleRef,
  ModulesContainer,
} from '@nestjs/core';
import { RateLimitAdmin } from './admin/rate-limit-admin.service.js';
import { checkObject } from './common/checks.js';
import { RateLimitEngine } from './guard/engine.js';
import { RateLimitGuard } from './guard/rate-limit.guard.js';
import { RateLimitInterceptor } from './guard/rate-limit.interceptor.js';
import { Settlements } from './guard/settlements.js';
import { BackgroundWork } from './limiter/background-work.js';
import { Blocks } from './limiter/blocks.js';
import { FullestBuckets } from './limiter/fullest-buckets.js';
import { Limiter } from './limiter/limiter.js';
import { LiveLimits } from './limiter/live-limits.js';
import { PlaceReturns } from './limiter/place-returns.js';
import { PolicyRegistry } from './limiter/policy-registry.js';
import { RateLimiterService } from './limiter/rate-limiter.service.js';
import { ShadowCounts } from './limiter/shadow-counts.js';
import { Turns } from './limiter/turns.js';
import { LimitsProviders } from './limits/limits-providers.js';
import { PolicyLimits } from './limits/policy-limits.js';
import { publishShadow } from './observability/shadow-channel.js';
import type { RateLimitModuleOptions } from './options/module-options.js';
import { type ParsedOptions, parseOptions } from './options/parse-options.js';
import type { Policy } from './options/policy.js';
import { checkSharedStarts, limitedKinds, markHandlers, planEverything } from './plan/boot-check.js';
import { BootReport } from './plan/boot-report.js';
import { checkDeclarations } from './plan/declaration-check.js';
import { checkFieldResolvers } from './plan/field-resolver-check.js';
import { checkGuardOrder, checkSingleRoot } from './plan/module-check.js';
import { PlanBuilder } from './plan/plan-builder.js';
import { PlanCatalog } from './plan/plan-catalog.js';
import { checkProxies } from './plan/proxy-check.js';
import { findUnreached, reachWarnings } from './plan/reach-check.js';
import { shadowWarnings } from './plan/shadow-warnings.js';
import {
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN,
  type RateLimitModuleExtras,
} from './rate-limit.module-definition.js';
import { RateLimitFeatureModule } from './rate-limit-feature.module.js';
import { type Clock, monotonicClock } from './stores/memory/clock.js';
import { openStore } from './stores/open-store.js';
import type { Store } from './stores/store.interface.js';
import { GraphqlProblemFilter } from './transport/graphql/graphql-problem.filter.js';
import { HttpTransport } from './transport/http/http.transport.js';
import { RateLimitExceededFilter } from './transport/http/rate-limit-exceeded.filter.js';
import { Refusals } from './transport/refusals.js';
import { Transports } from './transport/transports.js';

/** The options after they were checked and completed. */
const PARSED_OPTIONS = Symbol.for('nestjs-floodgate.parsed-options');
/** Where the buckets live. */
export const RATE_LIMIT_STORE = Symbol.for('nestjs-floodgate.store');
/** The clock of the memory store, for tests that move it. */
export const RATE_LIMIT_CLOCK = Symbol.for('nestjs-floodgate.clock');

const logger = new Logger('RateLimitModule');

const providers: Provider[] = [
  {
    provide: PARSED_OPTIONS,
    useFactory: parseOptions,
    // Where the class is imported without forRoot there are none, and the message should be ours.
    inject: [{ token: MODULE_OPTIONS_TOKEN, optional: true }],
  },
  { provide: RATE_LIMIT_CLOCK, useValue: monotonicClock },
  {
    provide: RATE_LIMIT_STORE,
    useFactory: (options: ParsedOptions, clock: Clock) =>
      openStore(options, clock, (message) => logger.error(`Redis: ${message}`)),
    // After the policies and transports: a mistake there is found before a connection is open.
    inject: [PARSED_OPTIONS, RATE_LIMIT_CLOCK, Transports],
  },
  {
    provide: PlaceReturns,
    useFactory: (store: Store) => new PlaceReturns(store),
    inject: [RATE_LIMIT_STORE],
  },
  Blocks,
  {
    provide: Turns,
    useFactory: (returns: PlaceReturns, blocks: Blocks) => new Turns(returns, blocks),
    inject: [PlaceReturns, Blocks],
  },
  {
    // Turns of their own: they go on while those of callers who wait have ended.
    provide: BackgroundWork,
    useFactory: (returns: PlaceReturns, blocks: Blocks) => new BackgroundWork(new Turns(returns, blocks)),
    inject: [PlaceReturns, Blocks],
  },
  {
    provide: FullestBuckets,
    useFactory: (store: Store, { redis, fullest }: ParsedOptions) =>
      new FullestBuckets(store, redis === undefined ? 'listed' : fullest ? 'noted' : 'off'),
    inject: [RATE_LIMIT_STORE, PARSED_OPTIONS],
  },
  {
    provide: Limiter,
    useFactory: (
      store: Store,
      blocks: Blocks,
      fullest: FullestBuckets,
      { limitsRefreshMs }: ParsedOptions,
    ) => {
      const live = new LiveLimits(store, limitsRefreshMs);
      return new Limiter(store, blocks, new ShadowCounts(publishShadow), live, fullest);
    },
    inject: [RATE_LIMIT_STORE, Blocks, FullestBuckets, PARSED_OPTIONS],
  },
  {
    provide: PolicyRegistry,
    useFactory: ({ shadow }: ParsedOptions) => new PolicyRegistry(shadow),
    inject: [PARSED_OPTIONS],
  },
  {
    provide: PolicyLimits,
    useFactory: (modules: ModulesContainer, moduleRef: ModuleRef) =>
      new PolicyLimits(new LimitsProviders(modules, moduleRef)),
    inject: [ModulesContainer, ModuleRef],
  },
  {
    provide: PlanBuilder,
    useFactory: (registry: PolicyRegistry, limits: PolicyLimits, options: ParsedOptions) => {
      for (const policy of options.policies) registry.define(policy, 'RateLimitModule.forRoot: policies');
      return new PlanBuilder(registry, limits, options);
    },
    inject: [PolicyRegistry, PolicyLimits, PARSED_OPTIONS],
  },
  {
    provide: PlanCatalog,
    useFactory: (builder: PlanBuilder) => new PlanCatalog(builder),
    inject: [PlanBuilder],
  },
  {
    // As a provider, not in a hook: the microservices of an application may be served before its hooks have run.
    provide: Transports,
    useFactory: (modules: ModulesContainer, builder: PlanBuilder, { headers, refusal }: ParsedOptions) => {
      const refusals = new Refusals(refusal);
      return Transports.load(new HttpTransport(headers, refusals), limitedKinds(modules, builder), refusals);
    },
    inject: [ModulesContainer, PlanBuilder, PARSED_OPTIONS],
  },
  { provide: Settlements, useFactory: (limiter: Limiter) => new Settlements(limiter), inject: [Limiter] },
  {
    provide: RateLimitEngine,
    useFactory: (
      catalog: PlanCatalog,
      limiter: Limiter,
      transports: Transports,
      turns: Turns,
      settlements: Settlements,
    ) => new RateLimitEngine(catalog, limiter, transports, turns, settlements),
    inject: [PlanCatalog, Limiter, Transports, Turns, Settlements],
  },
  RateLimiterService,
  BootReport,
  RateLimitAdmin,
  { provide: APP_GUARD, useClass: RateLimitGuard },
  { provide: APP_INTERCEPTOR, useClass: RateLimitInterceptor },
  { provide: APP_FILTER, useClass: RateLimitExceededFilter },
  { provide: APP_FILTER, useClass: GraphqlProblemFilter },
];

/**
 * Token buckets and leaky buckets for an application: import it once, in the root module, with `forRoot` or
 * `forRootAsync`. The decorators need nothing else.
 */
@Module({ providers, exports: [RateLimiterService, RateLimitAdmin] })
export class RateLimitModule
  extends ConfigurableModuleClass
  implements OnModuleInit, OnModuleDestroy, OnApplicationShutdown
{
  constructor(
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(PolicyRegistry) private readonly registry: PolicyRegistry,
    @Inject(PlanBuilder) private readonly builder: PlanBuilder,
    @Inject(PlanCatalog) private readonly catalog: PlanCatalog,
    @Inject(RATE_LIMIT_STORE) private readonly store: Store,
    @Inject(Turns) private readonly turns: Turns,
    @Inject(BackgroundWork) private readonly background: BackgroundWork,
    @Inject(Settlements) private readonly settlements: Settlements,
    @Inject(PARSED_OPTIONS) private readonly options: ParsedOptions,
    @Inject(BootReport) private readonly report: BootReport,
    @Inject(HttpAdapterHost) private readonly adapterHost: HttpAdapterHost,
  ) {
    super();
    markHandlers(modules);
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
    try {
      this.check();
      await this.checkReach();
    } catch (error) {
      // No hook will run any more, and an open connection would keep the process from ending.
      await this.closeStore();
      throw error;
    }
    this.report.isComplete = true;
    for (const warning of this.report.warnings) logger.warn(warning);
  }

  private check(): void {
    checkSingleRoot(this.modules, RateLimitModule);
    checkFieldResolvers(this.modules);
    planEverything(this.modules, this.builder, this.catalog);
    this.registry.checkExpected();
    const { handlers } = this.catalog;
    if (this.options.redis?.kind === 'client' && this.options.redis.client.isCluster)
      checkSharedStarts(handlers);
    this.report.warnings.push(
      ...checkGuardOrder(this.modules, RateLimitModule),
      ...checkDeclarations(handlers, this.registry),
      ...shadowWarnings(this.registry),
      ...checkProxies(handlers, this.adapterHost.httpAdapter, this.builder.proxies, (late) =>
        logger.warn(late),
      ),
    );
    if (this.options.redis === undefined && this.options.store === undefined) {
      logger.log(
        `Buckets live in the memory of this process, ${this.options.maxKeys} at most. Set the option redis to share them between instances.`,
      );
    }
  }

  private async checkReach(): Promise<void> {
    this.report.unreached = await findUnreached(this.catalog.handlers, {
      servesHttp: this.adapterHost.httpAdapter !== undefined,
      enhancers: { guard: RateLimitGuard, interceptor: RateLimitInterceptor },
    });
    this.report.warnings.push(...reachWarnings(this.report.unreached));
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
    await this.closeStore();
  }

  /** What the application has made itself, it closes itself. */
  private async closeStore(): Promise<void> {
    if (this.options.store === undefined) await this.store.close();
  }
}
