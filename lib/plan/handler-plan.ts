import type { KeyResolver } from '../keys/index.js';
import type { PlacedPolicy } from '../limiter/placed-policy.js';
import type { LimitOf } from '../limits/policy-limits.js';
import type { CostResolver, SkipPredicate, Stage } from '../options/policy-options.js';

/** A policy of a handler, with all that a request needs worked out. */
export interface PlannedPolicy extends PlacedPolicy {
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
export type HandlerPlan = Readonly<Record<Stage, readonly PlannedPolicy[]>>;
