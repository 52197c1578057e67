import type { INestApplicationContext, Type } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { keyText } from '../keys/key-resolver.js';
import type { Rate } from '../options/limits.js';
import type { Stage } from '../options/policy-options.js';
import { isHandler } from '../plan/handler-kind.js';
import type { PlannedPolicy } from '../plan/handler-plan.js';
import { PlanCatalog } from '../plan/plan-catalog.js';

/** A policy of a route as plain data. */
export interface RoutePolicy {
  /** Its name, or the place where one without a name stands: `'ChatController.ask'`. */
  readonly policy: string;
  readonly algorithm: 'token-bucket' | 'leaky-bucket';
  /** Undefined where `limits` says it for each request, as the rate. */
  readonly capacity: number | undefined;
  /** As it was written. */
  readonly rate: Rate | undefined;
  /** The key resolver as one would write it, `byHeader("x-user-id")`, or the name of a function. */
  readonly key: string;
  readonly stage: Stage;
  /** Tokens that a request takes; `'function'` where one says it. */
  readonly cost: number | 'function';
}

/** A handler of a class, by its name. */
export type HandlerOf<Class> = keyof Class & string;

/**
 * What limits a route, in the order in which it is decided; nothing where a decorator exempts it. The application is
 * initialised.
 * @throws RateLimitError `UNKNOWN_HANDLER` where the application has no such route
 */
export function policiesOf<Class extends object>(
  app: Pick<INestApplicationContext, 'get'>,
  type: Type<Class>,
  method: HandlerOf<Class>,
): RoutePolicy[] {
  const handler: unknown = type.prototype[method];
  const modules = app.get(ModulesContainer, { strict: false });
  if (!isHandler(handler) || !serves(modules, type)) {
    throw new RateLimitError(
      'UNKNOWN_HANDLER',
      `policiesOf: ${type.name}.${method} is no handler of this application; write a class that it provides and a method with @Get, @Post, … of it`,
    );
  }
  const { guard, handler: after } = app.get(PlanCatalog, { strict: false }).planOf(type, handler);
  return [...guard, ...after].map((planned) => read(planned, guard.includes(planned) ? 'guard' : 'handler'));
}

function read({ id, policy, key, cost }: PlannedPolicy, stage: Stage): RoutePolicy {
  const { algorithm, capacity, rate } = policy;
  return {
    policy: id,
    algorithm,
    capacity,
    rate,
    key: keyText(key),
    stage,
    cost: typeof cost === 'number' ? cost : 'function',
  };
}

const serves = (modules: ModulesContainer, type: Type): boolean =>
  [...modules.values()].some(({ controllers, providers }) => controllers.has(type) || providers.has(type));
