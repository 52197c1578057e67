import { type Provider } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, ModuleRef, ModulesContainer } from '@nestjs/core';
import { RateLimitAdmin } from '../admin/rate-limit-admin.service.js';
import { RateLimitEngine } from '../guard/engine.js';
import { RateLimitGuard } from '../guard/rate-limit.guard.js';
import { RateLimitInterceptor } from '../guard/rate-limit.interceptor.js';
import { Settlements } from '../guard/settlements.js';
import { FullestBuckets } from '../limiter/fullest-buckets.js';
import { Limiter } from '../limiter/limiter.js';
import { LiveLimits } from '../limiter/live-limits.js';
import { NewKeys } from '../limiter/new-keys.js';
import { PolicyRegistry } from '../limiter/policy-registry.js';
import { RateLimiterService } from '../limiter/rate-limiter.service.js';
import { ShadowCounts } from '../limiter/shadow-counts.js';
import { BackgroundWork } from '../limiter/waiting/background-work.js';
import { Blocks } from '../limiter/waiting/blocks.js';
import { PlaceReturns } from '../limiter/waiting/place-returns.js';
import { Turns } from '../limiter/waiting/turns.js';
import { LimitsProviders } from '../limits/limits-providers.js';
import { PolicyLimits } from '../limits/policy-limits.js';
import { publishDecision } from '../observability/decision-channel.js';
import { RateLimitHealthIndicator } from '../observability/rate-limit-health.indicator.js';
import { publishShadow } from '../observability/shadow-channel.js';
import { type ParsedOptions, parseOptions } from '../options/parse-options.js';
import { limitedKinds } from '../plan/boot-check.js';
import { BootReport } from '../plan/boot-report.js';
import { hasHandlerWork } from '../plan/handler-work.js';
import { PlanBuilder } from '../plan/plan-builder.js';
import { PlanCatalog } from '../plan/plan-catalog.js';
import { StoreHealth } from '../resilience/store-health.js';
import { type Clock, monotonicClock } from '../stores/memory/clock.js';
import { MemoryStore } from '../stores/memory/memory.store.js';
import type { Store } from '../stores/store.interface.js';
import { GraphqlProblemFilter } from '../transport/graphql/graphql-problem.filter.js';
import { HttpTransport } from '../transport/http/http.transport.js';
import { RateLimitExceededFilter } from '../transport/http/rate-limit-exceeded.filter.js';
import { Refusals } from '../transport/refusals.js';
import { Transports } from '../transport/transports.js';
import { BootChecks } from './boot-checks.js';
import { MODULE_OPTIONS_TOKEN } from './module-definition.js';
import { openHealth } from './open-health.js';
import { openStore } from './open-store.js';
import { PARSED_OPTIONS, RATE_LIMIT_CLOCK, RATE_LIMIT_STORE } from './tokens.js';

/** What is made of what. */
export const providers: Provider[] = [
  {
    provide: PARSED_OPTIONS,
    useFactory: parseOptions,
    // Where the class is imported without forRoot there are none, and the message should be ours.
    inject: [{ token: MODULE_OPTIONS_TOKEN, optional: true }],
  },
  { provide: StoreHealth, useFactory: openHealth },
  { provide: RATE_LIMIT_CLOCK, useValue: monotonicClock },
  {
    provide: RATE_LIMIT_STORE,
    useFactory: openStore,
    // After the policies and transports: a mistake there is found before a connection is open.
    inject: [PARSED_OPTIONS, RATE_LIMIT_CLOCK, StoreHealth, Transports],
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
      { limitsRefreshMs, newKeys, maxKeys, storeTimeoutMs }: ParsedOptions,
      clock: Clock,
    ) => {
      // What only this process writes is not asked for again.
      const live = new LiveLimits(
        store,
        store instanceof MemoryStore ? Number.POSITIVE_INFINITY : limitsRefreshMs,
      );
      const shadows = new ShadowCounts(publishShadow);
      const decider = newKeys && new NewKeys(store, { limit: newKeys, maxKeys, clock });
      return new Limiter(store, blocks, shadows, live, fullest, publishDecision, decider, storeTimeoutMs);
    },
    inject: [RATE_LIMIT_STORE, Blocks, FullestBuckets, PARSED_OPTIONS, RATE_LIMIT_CLOCK],
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
    useFactory: (modules: ModulesContainer, builder: PlanBuilder, options: ParsedOptions) => {
      const refusals = new Refusals(options.refusal);
      return Transports.load(new HttpTransport(options, refusals), limitedKinds(modules, builder), refusals);
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
  BootChecks,
  RateLimitAdmin,
  RateLimitHealthIndicator,
  { provide: APP_GUARD, useClass: RateLimitGuard },
  {
    provide: APP_INTERCEPTOR,
    // Nest binds none where there is none.
    useFactory: (moduleRef: ModuleRef, modules: ModulesContainer, builder: PlanBuilder) =>
      hasHandlerWork(modules, builder) ? new RateLimitInterceptor(moduleRef) : undefined,
    inject: [ModuleRef, ModulesContainer, PlanBuilder],
  },
  { provide: APP_FILTER, useClass: RateLimitExceededFilter },
  { provide: APP_FILTER, useClass: GraphqlProblemFilter },
];
