import type { ModulesContainer } from '@nestjs/core';
import { limitableClasses } from './boot-check.js';
import { declaredOnClass, declaredOnMethod } from './declarations.js';
import type { PlanBuilder } from './plan-builder.js';

/**
 * Whether any handler of an application leaves something to do after the guards: a limit of the handler stage, a turn to wait for, a
 * cost to settle, a decision to inject. Where none does it needs no interceptor, which costs each request more than all
 * else of a decision in memory.
 */
export function hasHandlerWork(modules: ModulesContainer, builder: PlanBuilder): boolean {
  const declared = limitableClasses(modules).flatMap(({ type, methods }) => [
    declaredOnClass(type),
    ...methods.map((method) => declaredOnMethod(type, method)),
  ]);
  try {
    return declared.some((one) => one.decisions.length > 0) || builder.leavesWork(declared);
  } catch {
    // A mistake in a declaration, or a policy that is not known yet. It is told when everything is planned.
    return true;
  }
}
