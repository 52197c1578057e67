import type { Type } from '@nestjs/common';
import { methodName } from '../common/method-name.js';
import type { HandlerPlan } from './handler-plan.js';
import type { PlanBuilder } from './plan-builder.js';

type Handler = (...args: never[]) => unknown;

/** The plan of every handler, worked out once: at boot, or at the first request of a module that is loaded later. */
export class PlanCatalog {
  private readonly plans = new Map<Type, Map<unknown, HandlerPlan>>();

  constructor(private readonly builder: PlanBuilder) {}

  planOf(type: Type, handler: Handler): HandlerPlan {
    return this.plans.get(type)?.get(handler) ?? this.add(type, methodName(type, handler));
  }

  add(type: Type, method: string): HandlerPlan {
    const plan = this.builder.build(type, method);
    const ofType = this.plans.get(type) ?? new Map<unknown, HandlerPlan>();
    ofType.set(type.prototype[method], plan);
    this.plans.set(type, ofType);
    return plan;
  }
}
