import type { ExecutionContext } from '@nestjs/common';
import { callerOf } from '../caller/caller-of.js';
import { asError } from '../common/as-error.js';
import type { RateLimitErrorCode } from '../errors/codes.js';
import { type Decision, isUnknown } from '../limiter/decision.js';
import type { Outcome } from '../limiter/judgement.js';
import { RateLimitExceededError } from '../limiter/rate-limit-exceeded.error.js';
import type { Refusal } from '../options/refusal-options.js';
import { CallerGoneError } from './caller-gone.error.js';
import { type Refusals, refusalOf } from './refusals.js';
import type { Interruption, Transport } from './transport.js';

/** What the caller of a message or a resolver is told instead of an answer. */
export interface MessageProblem {
  readonly code: 'RATE_LIMITED' | 'CALLER_GONE' | RateLimitErrorCode;
  readonly message: string;
  /** Of a refusal: the limit that lasts longest. */
  readonly decision?: Decision;
}

/** The error of a kind of messages that carries a problem. The cause is for filters and logs on this side. */
export type ToError = (problem: MessageProblem, cause: Error) => Error;

/** Messages, events and resolvers: there is no header to tell limits with, and a refusal is an error like another. */
export class MessageTransport implements Transport {
  constructor(
    private readonly toError: ToError,
    private readonly refusals: Refusals,
  ) {}

  /** One call of a handler has one array of arguments, whichever guard or interceptor asks. */
  invocation(context: ExecutionContext): object {
    return context.getArgs();
  }

  publish(): void {}

  onGone(context: ExecutionContext, listener: () => void): () => void {
    return callerOf(context)?.connection?.onGone(listener) ?? (() => undefined);
  }

  interruption(context: ExecutionContext, reason: Interruption): Error {
    const code = reason instanceof CallerGoneError ? 'CALLER_GONE' : reason.code;
    return this.answered(context, this.toError({ code, message: reason.message }, reason));
  }

  refusal(context: ExecutionContext, outcomes: readonly Outcome[]): Error {
    const refusal = refusalOf(context, outcomes);
    return this.answered(context, this.errorOf(refusal));
  }

  /** For a client that waits for an answer besides the error. */
  protected answered(_context: ExecutionContext, error: Error): Error {
    return error;
  }

  /** A client must not wait for ever because a function of the application's own has failed. */
  private errorOf(refusal: Refusal): Error {
    try {
      return this.refusals.exception(refusal) ?? this.exception(refusal);
    } catch (error) {
      return asError(error);
    }
  }

  private exception(refusal: Refusal): Error {
    const cause = new RateLimitExceededError(refusal.decisions);
    const message = this.refusals.message(refusal) ?? cause.message;
    const code = isUnknown(refusal.decisions) ? 'STORE_UNAVAILABLE' : 'RATE_LIMITED';
    return this.toError({ code, message, decision: refusal.decision }, cause);
  }
}
