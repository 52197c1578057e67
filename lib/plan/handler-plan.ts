import type { Type } from '@nestjs/common';
import type { KeyResolver } from '../keys/index.js';
import type { PlacedPolicy } from '../limiter/placed-policy.js';
import type { LimitOf } from '../limits/policy-limits.js';
import type { CostResolver, SkipPredicate, Stage } from '../options/policy-options.js';

/** What a policy was declared on, or for. */
export type Origin = 'global' | 'class' | 'method';

/** A policy that was declared for a handler. */
export interface DeclaredPolicy extends PlacedPolicy {
  readonly origin: Origin;
}

/** A policy of a handler, with all that a request needs worked out. */
export interface PlannedPolicy extends DeclaredPolicy {
  /** The handler, for messages: `Cats.find`. */
  readonly place: string;
  readonly key: KeyResolver;
  readonly cost: number | CostResolver;
  /** Those of the module and of the policy itself. */
  readonly skips: readonly SkipPredicate[];
  /** What its limits are at a request. */
  readonly limitOf: LimitOf;
}

/** What a request to a handler is asked, stage by stage. */
export interface HandlerPlan extends Readonly<Record<Stage, readonly PlannedPolicy[]>> {
  /** What it would be asked, were it not exempted. */
  readonly skipped: readonly DeclaredPolicy[];
}

/** A method at which requests arrive, with its plan. */
export interface PlannedHandler {
  readonly type: Type;
  readonly method: string;
  readonly plan: HandlerPlan;
}
