import type { Type } from '@nestjs/common';
import type { HandlerPlan } from './handler-plan.js';
import type { PlanBuilder } from './plan-builder.js';

type Handler = (...args: never[]) => unknown;

/** The plan of every handler, worked out once: at boot, or at the first request of a module that is loaded later. */
export class PlanCatalog {
  private readonly plans = new Map<Type, Map<unknown, HandlerPlan>>();

  constructor(private readonly builder: PlanBuilder) {}

  planOf(type: Type, handler: Handler): HandlerPlan {
    return this.plans.get(type)?.get(handler) ?? this.add(type, methodOf(type, handler));
  }

  add(type: Type, method: string): HandlerPlan {
    const plan = this.builder.build(type, method);
    const ofType = this.plans.get(type) ?? new Map<unknown, HandlerPlan>();
    ofType.set(type.prototype[method], plan);
    this.plans.set(type, ofType);
    return plan;
  }
}

/** The name of a method as the class knows it; the function's own name may be that of a wrapper. */
function methodOf(type: Type, handler: Handler): string {
  for (let prototype = type.prototype; prototype; prototype = Object.getPrototypeOf(prototype)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (value === handler) return name;
    }
  }
  return handler.name;
}
