import type { Type } from '@nestjs/common';
import { MetadataScanner, type ModulesContainer } from '@nestjs/core';
import { className } from '../common/class-scope.js';
import { markMethods } from '../common/method-name.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { keyIdentity, keyText } from '../keys/key-resolver.js';
import { type Declared, declaredOnClass, declaredOnMethod } from './declarations.js';
import { type HandlerKind, isFieldResolver, isHandler, kindsOf } from './handler-kind.js';
import type { PlannedHandler } from './handler-plan.js';
import type { PlanBuilder } from './plan-builder.js';
import type { PlanCatalog } from './plan-catalog.js';

/** What is read of Nest's record of a class. */
interface InstanceWrapper {
  readonly metatype: unknown;
  readonly inject?: unknown;
}

/** Before Nest binds the routes: afterwards a handler may be hidden behind a wrapper. */
export function markHandlers(modules: ModulesContainer): void {
  for (const { type } of limitableClasses(modules)) markMethods(type);
}

/**
 * One pass over the classes of all modules: every mistake in a declaration is found before the first request.
 * First all names are made known, then every handler gets its plan.
 */
export function planEverything(modules: ModulesContainer, builder: PlanBuilder, catalog: PlanCatalog): void {
  const classes = limitableClasses(modules);
  for (const { type, methods, served } of classes) {
    const onClass = declaredOnClass(type);
    const name = className(type);
    if (!served && !methods.some((method) => isReached(type, method))) refuse(onClass, name);
    builder.define(onClass, name);
    for (const method of methods) {
      const place = `${name}.${method}`;
      const declared = declaredOnMethod(type, method);
      if (!isHandler(type.prototype[method])) refuse(declared, place);
      builder.define(declared, place);
    }
  }
  for (const { type, methods } of classes) {
    for (const method of methods) if (isHandler(type.prototype[method])) catalog.add(type, method);
  }
}

/** The kinds of handlers on which something may be limited. */
export function limitedKinds(modules: ModulesContainer, builder: PlanBuilder): Set<HandlerKind> {
  const limited = limitableClasses(modules).filter(({ type }) => builder.limitsAny(type));
  return new Set(
    limited.flatMap(({ type, methods }) => methods.flatMap((method) => kindsOf(type.prototype[method]))),
  );
}

/**
 * On a cluster: buckets that make one request wait must live in one slot, so they need one key.
 * @throws RateLimitError `CLUSTER_SHAPING`
 */
export function checkSharedStarts(handlers: readonly PlannedHandler[]): void {
  for (const { plan } of handlers) {
    for (const stage of [plan.guard, plan.handler]) {
      const [first, ...others] = stage.filter(({ policy, shadow }) => policy.shape.shapes && !shadow);
      const other = first && others.find(({ key }) => keyIdentity(key) !== keyIdentity(first.key));
      if (first === undefined || other === undefined) continue;
      throw new RateLimitError(
        'CLUSTER_SHAPING',
        `${first.place}: '${first.id}' and '${other.id}' make one request wait, and their keys, ${keyText(first.key)} and ${keyText(other.key)}, live in different slots of the cluster; give both policies one key, or meter with one of them: shape: false`,
      );
    }
  }
}

/** Where the first policy of an application stands, for the message that nothing decides it. */
export function firstPlace(modules: ModulesContainer): string | undefined {
  for (const { type, methods } of limitableClasses(modules)) {
    const onMethods = methods.map((method) => [declaredOnMethod(type, method), `.${method}`] as const);
    for (const [{ policies }, method] of [[declaredOnClass(type), ''] as const, ...onMethods]) {
      if (policies[0]) return `${className(type)}${method}: ${policies[0].decorator}`;
    }
  }
  return undefined;
}

interface LimitableClass {
  readonly type: Type;
  readonly methods: readonly string[];
  /** Whether Nest serves requests with it even if no method of it is a handler. */
  readonly served: boolean;
}

/** Every class of an application in which requests may arrive, once. */
export function limitableClasses(modules: ModulesContainer): LimitableClass[] {
  const scanner = new MetadataScanner();
  const found = new Map<Type, LimitableClass>();
  for (const module of modules.values()) {
    const controllers = new Set<InstanceWrapper>(module.controllers.values());
    for (const wrapper of [...controllers, ...(module.providers.values() as Iterable<InstanceWrapper>)]) {
      const type = wrapper.metatype;
      // The metatype of a factory provider is its function, which is no class of the application.
      if (!isClass(type) || wrapper.inject || found.has(type)) continue;
      const methods = scanner.getAllMethodNames(type.prototype);
      found.set(type, { type, methods, served: controllers.has(wrapper) });
    }
  }
  return [...found.values()];
}

/** Whether what stands on the class counts for a method. */
const isReached = (type: Type, method: string): boolean =>
  isHandler(type.prototype[method]) && !isFieldResolver(type, type.prototype[method]);

const isClass = (type: unknown): type is Type<object> =>
  typeof type === 'function' && typeof type.prototype === 'object' && type.prototype !== null;

/** A declaration where no request arrives would protect nothing, in silence. */
function refuse({ policies, skips, decisions }: Declared, place: string): void {
  const skip = skips.length > 0 ? '@SkipRateLimit' : undefined;
  const decision = decisions.length > 0 ? '@RateLimitDecision' : undefined;
  const decorator = policies[0]?.decorator ?? skip ?? decision;
  if (decorator === undefined) return;
  throw new RateLimitError(
    'NOT_A_HANDLER',
    `${place}: ${decorator} stands where no request arrives; put it on a route (beside @Get, @Post, …) or its controller, or use RateLimiterService inside the method`,
  );
}
