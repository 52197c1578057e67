import { className } from '../common/class-scope.js';
import type { PlacedPolicy } from '../limiter/placed-policy.js';
import type { PolicyRegistry } from '../limiter/policy-registry.js';
import { Policy } from '../options/policy.js';
import { declaredOnClass, declaredOnMethod, type Skip } from './declarations.js';
import type { PlannedHandler } from './handler-plan.js';

/**
 * What decorators say and what comes to nothing: a limit that is skipped where it stands, a skip of what is not there, the
 * decision of a policy that the route does not have.
 * @throws RateLimitError `UNKNOWN_POLICY`, `POLICY_CONFLICT` where `@RateLimitDecision` names no policy at all
 */
export function checkDeclarations(handlers: readonly PlannedHandler[], registry: PolicyRegistry): string[] {
  return [
    ...handlers.flatMap((handler) => cancelledLimits(handler)),
    ...handlers.flatMap((handler) => idleSkips(handler)),
    ...idleClassSkips(handlers),
    ...handlers.flatMap((handler) => absentDecisions(handler, registry)),
  ];
}

const placeOf = ({ type, method }: PlannedHandler): string => `${className(type)}.${method}`;

/** A skip on a method is meant for what stands above it; one on the class takes what stands on the method as well. */
function cancelledLimits(handler: PlannedHandler): string[] {
  const ofClass = declaredOnClass(handler.type).skips;
  const cancelled = handler.plan.skipped.filter(
    ({ id, origin }) => origin === 'method' || (origin === 'class' && covers(ofClass, id)),
  );
  return cancelled.map(
    ({ id }) =>
      `${placeOf(handler)}: the limit '${id}' never applies, for @SkipRateLimit takes it away where it stands (what class and method skip adds up); remove one of the two`,
  );
}

function idleSkips(handler: PlannedHandler): string[] {
  const { skips } = declaredOnMethod(handler.type, handler.method);
  return idle(skips, [handler]).map((id) =>
    skipsNothing(placeOf(handler), id, 'the route has no such limit'),
  );
}

function idleClassSkips(handlers: readonly PlannedHandler[]): string[] {
  return [...new Set(handlers.map(({ type }) => type))].flatMap((type) => {
    const own = handlers.filter((handler) => handler.type === type);
    const idleOnes = idle(declaredOnClass(type).skips, own);
    return idleOnes.map((id) => skipsNothing(className(type), id, 'none of its routes has such a limit'));
  });
}

const skipsNothing = (place: string, id: string, reason: string): string =>
  `${place}: @SkipRateLimit('${id}') skips nothing, for ${reason}; remove it`;

/** The names that are skipped without being there. */
function idle(skips: readonly Skip[], handlers: readonly PlannedHandler[]): string[] {
  const present = new Set(handlers.flatMap(({ plan }) => plan.skipped.map(({ id }) => id)));
  return skips.flatMap((skip) => (skip === 'all' ? [] : skip.map(nameOf))).filter((id) => !present.has(id));
}

const covers = (skips: readonly Skip[], id: string): boolean =>
  skips.some((skip) => skip === 'all' || skip.map(nameOf).includes(id));

/** Policies without a name have been refused before. */
const nameOf = (policy: Policy | string): string =>
  typeof policy === 'string' ? policy : (policy.name as string);

function absentDecisions(handler: PlannedHandler, registry: PolicyRegistry): string[] {
  const { guard, handler: late, skipped } = handler.plan;
  const at = `${placeOf(handler)}: @RateLimitDecision`;
  return declaredOnMethod(handler.type, handler.method).decisions.flatMap((asked) => {
    const isMeant = ({ id, policy }: PlacedPolicy) => id === asked || policy === asked || named(asked, id);
    if (asked === undefined || [...guard, ...late].some(isMeant)) return [];
    const { id } = skipped.find(isMeant) ?? registry.find(asked, at);
    return `${at}: nothing decides '${id}' on this route, so the parameter is always undefined; limit the route by it, or ask for the tightest: @RateLimitDecision()`;
  });
}

const named = (asked: Policy | string | undefined, id: string): boolean =>
  asked instanceof Policy && asked.name === id;
