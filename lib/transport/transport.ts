import type { ExecutionContext } from '@nestjs/common';
import type { RateLimitError } from '../errors/rate-limit.error.js';
import type { Outcome } from '../limiter/judgement.js';
import type { CallerGoneError } from './caller-gone.error.js';

/** What ends a wait before its time: the caller has left, or the application is closing. */
export type Interruption = CallerGoneError | RateLimitError;

/** How decisions leave: one for each kind of request. */
export interface Transport {
  /** What stands for one invocation, whichever guard or interceptor asks. */
  invocation(context: ExecutionContext): object;
  /** Tells the caller about its limits, where the transport has a place for it. */
  publish(context: ExecutionContext, outcomes: readonly Outcome[]): void;
  /** Tells when the caller has left, where that can be known, at once if it already has. The result stops it. */
  onGone(context: ExecutionContext, listener: () => void): () => void;
  /** What an invocation whose wait was ended is thrown as: its caller has left, or the application is closing. */
  interruption(context: ExecutionContext, reason: Interruption): Error;
  /** What a refusal is thrown as. At least one of the outcomes refuses. */
  refusal(context: ExecutionContext, outcomes: readonly Outcome[]): Error;
}
