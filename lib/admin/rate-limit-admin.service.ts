import { Inject, Injectable } from '@nestjs/common';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { BootReport } from '../plan/boot-report.js';
import { PlanCatalog } from '../plan/plan-catalog.js';
import { explain } from './explain.js';
import type { Explanation } from './explanation.js';

/** For those who run an application: what it limits. Injectable wherever `RateLimiterService` is. */
@Injectable()
export class RateLimitAdmin {
  constructor(
    @Inject(PlanCatalog) private readonly catalog: PlanCatalog,
    @Inject(BootReport) private readonly report: BootReport,
  ) {}

  /**
   * Every route with its policies, those that nobody limits, and what the boot has warned of. As a text it is a table. A
   * module that is loaded later is in it from its first request on.
   * @throws RateLimitError `NOT_INITIALIZED` before `app.init()` or `app.listen()`
   */
  explain(): Explanation {
    if (this.report.isComplete) return explain(this.catalog.handlers, this.report);
    throw new RateLimitError(
      'NOT_INITIALIZED',
      'RateLimitAdmin.explain: the application is not initialized, so its routes are not known yet; call it after await app.init() or await app.listen()',
    );
  }
}
