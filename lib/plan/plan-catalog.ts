import type { Type } from '@nestjs/common';
import { className } from '../common/class-scope.js';
import { methodName } from '../common/method-name.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import type { HandlerPlan, PlannedHandler } from './handler-plan.js';
import type { PlanBuilder } from './plan-builder.js';

type Handler = (...args: never[]) => unknown;

const NOTHING: HandlerPlan = Object.freeze({ guard: [], handler: [], skipped: [] });

/** The plan of every handler, worked out once: at boot, or at the first request of a module that is loaded later. */
export class PlanCatalog {
  private readonly plans = new Map<Type, Map<string, HandlerPlan>>();
  /** By the function that Nest calls: a wrapper of the method, or one bound for a single request, is another. */
  private readonly found = new Map<Type, WeakMap<Handler, HandlerPlan>>();

  constructor(private readonly builder: PlanBuilder) {}

  planOf(type: Type, handler: Handler): HandlerPlan {
    return this.found.get(type)?.get(handler) ?? this.find(type, handler);
  }

  /** All whose plan is known. */
  get handlers(): PlannedHandler[] {
    return [...this.plans].flatMap(([type, plans]) =>
      [...plans].map(([method, plan]) => ({ type, method, plan })),
    );
  }

  add(type: Type, method: string): HandlerPlan {
    const plan = this.builder.build(type, method);
    const ofType = this.plans.get(type) ?? new Map<string, HandlerPlan>();
    this.plans.set(type, ofType.set(method, plan));
    return plan;
  }

  private find(type: Type, handler: Handler): HandlerPlan {
    const method = methodName(type, handler);
    const plan = method === undefined ? this.planWithoutMethod(type) : this.planOfMethod(type, method);
    const ofType = this.found.get(type) ?? new WeakMap<Handler, HandlerPlan>();
    this.found.set(type, ofType.set(handler, plan));
    return plan;
  }

  private planOfMethod(type: Type, method: string): HandlerPlan {
    return this.plans.get(type)?.get(method) ?? this.add(type, method);
  }

  /** Where nothing is limited it does not matter which method this is; elsewhere it must not pass unlimited. */
  private planWithoutMethod(type: Type): HandlerPlan {
    if (!this.builder.limitsAny(type)) return NOTHING;
    throw new RateLimitError(
      'UNKNOWN_HANDLER',
      `${className(type)}: a request is served by a function that is no method of the class, so its limits are not known; let what replaces the method keep its name or its metadata, or put it below the decorators of this package`,
    );
  }
}
