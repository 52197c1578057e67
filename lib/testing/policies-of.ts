import type { INestApplicationContext, Type } from '@nestjs/common';
import { explain } from '../admin/explain.js';
import type { ExplainedPolicy } from '../admin/explanation.js';
import { className } from '../common/class-scope.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { BootReport } from '../plan/boot-report.js';
import { PlanCatalog } from '../plan/plan-catalog.js';

/** A handler of a class, by its name. */
export type HandlerOf<Class> = keyof Class & string;

/**
 * What limits a route, in the order in which it is decided, as `RateLimitAdmin.explain()` tells it; nothing where a
 * decorator exempts it.
 * @throws RateLimitError `UNKNOWN_HANDLER` where the application has no such route, or is not initialized yet
 */
export function policiesOf<Class extends object>(
  app: Pick<INestApplicationContext, 'get'>,
  type: Type<Class>,
  method: HandlerOf<Class>,
): readonly ExplainedPolicy[] {
  const { handlers } = app.get(PlanCatalog, { strict: false });
  const found = handlers.filter((one) => one.type === type && one.method === method);
  const [route] = explain(found, app.get(BootReport, { strict: false })).routes;
  if (route !== undefined) return route.policies;
  throw new RateLimitError(
    'UNKNOWN_HANDLER',
    `policiesOf: ${className(type)}.${method} is no handler of this application; write a class that it provides and a method of it with @Get, @Post, …, after app.init()`,
  );
}
