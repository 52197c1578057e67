import { Inject, Injectable, Logger, type Type } from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { RateLimitGuard } from '../guard/rate-limit.guard.js';
import { RateLimitInterceptor } from '../guard/rate-limit.interceptor.js';
import { PolicyRegistry } from '../limiter/policy-registry.js';
import type { ParsedOptions } from '../options/parse-options.js';
import { checkSharedStarts, planEverything } from '../plan/boot-check.js';
import { BootReport } from '../plan/boot-report.js';
import { checkDeclarations } from '../plan/declaration-check.js';
import { checkFieldResolvers } from '../plan/field-resolver-check.js';
import { leaseWarnings } from '../plan/lease-warnings.js';
import { checkGuardOrder, checkSingleRoot } from '../plan/module-check.js';
import { PlanBuilder } from '../plan/plan-builder.js';
import { PlanCatalog } from '../plan/plan-catalog.js';
import { checkProxies } from '../plan/proxy-check.js';
import { findUnreached, reachWarnings } from '../plan/reach-check.js';
import { shadowWarnings } from '../plan/shadow-warnings.js';
import { PARSED_OPTIONS } from './tokens.js';

const logger = new Logger('RateLimitModule');

/** Everything that is checked before the first request. */
@Injectable()
export class BootChecks {
  constructor(
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(PolicyRegistry) private readonly registry: PolicyRegistry,
    @Inject(PlanBuilder) private readonly builder: PlanBuilder,
    @Inject(PlanCatalog) private readonly catalog: PlanCatalog,
    @Inject(PARSED_OPTIONS) private readonly options: ParsedOptions,
    @Inject(BootReport) private readonly report: BootReport,
    @Inject(HttpAdapterHost) private readonly adapterHost: HttpAdapterHost,
  ) {}

  /**
   * `root` is the module that is imported once.
   * @throws RateLimitError with the code of the first mistake
   */
  async run(root: Type): Promise<void> {
    checkSingleRoot(this.modules, root);
    this.plan();
    await this.findWarnings(root);
    this.report.isComplete = true;
    for (const warning of this.report.warnings) logger.warn(warning);
    if (this.options.redis === undefined && this.options.store === undefined) {
      logger.log(
        `Buckets live in the memory of this process, ${this.options.maxKeys} at most. Set the option redis to share them between instances.`,
      );
    }
  }

  private plan(): void {
    checkFieldResolvers(this.modules);
    planEverything(this.modules, this.builder, this.catalog);
    this.registry.checkExpected();
    const { redis } = this.options;
    if (redis?.kind === 'client' && redis.client.isCluster) checkSharedStarts(this.catalog.handlers);
  }

  private async findWarnings(root: Type): Promise<void> {
    const { handlers } = this.catalog;
    const { httpAdapter } = this.adapterHost;
    this.report.unreached = await findUnreached(handlers, {
      servesHttp: httpAdapter !== undefined,
      enhancers: { guard: RateLimitGuard, interceptor: RateLimitInterceptor },
    });
    this.report.warnings.push(
      ...checkGuardOrder(this.modules, root),
      ...checkDeclarations(handlers, this.registry),
      ...shadowWarnings(this.registry),
      ...leaseWarnings(
        this.registry,
        this.options.store?.lease !== undefined || this.options.store === undefined,
      ),
      ...checkProxies(handlers, httpAdapter, this.builder.proxies, (late) => logger.warn(late)),
      ...reachWarnings(this.report.unreached),
    );
  }
}
