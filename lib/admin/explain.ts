import { className } from '../common/class-scope.js';
import { keyText } from '../keys/key-resolver.js';
import type { Stage } from '../options/policy-options.js';
import type { BootReport } from '../plan/boot-report.js';
import { type HandlerKind, isFieldResolver, kindsOf } from '../plan/handler-kind.js';
import type { PlannedHandler, PlannedPolicy } from '../plan/handler-plan.js';
import { type ExplainedPolicy, type ExplainedRoute, Explanation } from './explanation.js';

/** The plans of an application as a table, with what the boot has found. */
export function explain(handlers: readonly PlannedHandler[], report: BootReport): Explanation {
  const routes = handlers.flatMap((handler) =>
    kindsOf(handler.type.prototype[handler.method]).map((kind) => explainRoute(handler, kind, report)),
  );
  const fields = new Set(handlers.filter(isField).map(routeOf));
  // What resolves a field is asked inside an operation, which is limited at its root.
  const unlimited = routes.filter(({ route, policies }) => policies.length === 0 && !fields.has(route));
  return new Explanation(routes, [...new Set(unlimited.map(({ route }) => route))], [...report.warnings]);
}

const routeOf = ({ type, method }: PlannedHandler): string => `${className(type)}.${method}`;

const isField = ({ type, method }: PlannedHandler): boolean => isFieldResolver(type, type.prototype[method]);

function explainRoute(handler: PlannedHandler, kind: HandlerKind, { unreached }: BootReport): ExplainedRoute {
  const { type, method, plan } = handler;
  const isReached = !unreached.some(
    (one) => one.kind === kind && !one.isUnsure && one.handler.type === type && one.handler.method === method,
  );
  return {
    route: routeOf(handler),
    kind,
    policies: isReached
      ? [...plan.guard.map(explainedAt('guard')), ...plan.handler.map(explainedAt('handler'))]
      : [],
    skipped: plan.skipped.map(({ id }) => id),
  };
}

const explainedAt =
  (stage: Stage) =>
  ({ id, policy, shadow, origin, key, cost, skips }: PlannedPolicy): ExplainedPolicy => ({
    policy: id,
    algorithm: policy.algorithm,
    capacity: policy.capacity,
    rate: policy.rate,
    perRequest: policy.limits !== undefined,
    waits: policy.shape.shapes,
    shadow: shadow !== undefined,
    key: keyText(key),
    scope: policy.name === undefined || origin === 'global' ? origin : 'name',
    stage,
    cost: typeof cost === 'number' ? cost : 'per request',
    skips: skips.map(({ name }) => name || 'a function'),
    allow: [...policy.allow],
  });
