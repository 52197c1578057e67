import type { ExecutionContext } from '@nestjs/common';
import type { Outcome } from '../limiter/limiter.js';

/** How decisions leave: one for each kind of request. */
export interface Transport {
  /** What stands for one invocation, whichever guard or interceptor asks. */
  invocation(context: ExecutionContext): object;
  /** Tells the caller about its limits, where the transport has a place for it. */
  publish(context: ExecutionContext, outcomes: readonly Outcome[]): void;
  /** What a refusal is thrown as. At least one of the outcomes refuses. */
  refusal(context: ExecutionContext, outcomes: readonly Outcome[]): Error;
}
