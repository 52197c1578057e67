import type { ExecutionContext } from '@nestjs/common';
import { type Decision, tightest } from '../../limiter/decision.js';
import type { Outcome } from '../../limiter/limiter.js';
import type { HeaderStyle } from '../../options/module-options.js';
import type { Refusal } from '../../options/refusal-options.js';
import { CallerGoneError } from '../caller-gone.error.js';
import { type Refusals, refusalOf } from '../refusals.js';
import type { Interruption, Transport } from '../transport.js';
import { callerGone, unavailable } from './interruptions.js';
import { legacyFields } from './legacy-fields.js';
import { quotaExceeded } from './problem-details.js';
import { RateLimitExceededException } from './rate-limit-exceeded.exception.js';
import { rateLimitField, rateLimitPolicyField } from './ratelimit-fields.js';

/** What is used of Node's response, HTTP/1 and HTTP/2 alike. */
interface RawResponse {
  readonly headersSent: boolean;
  readonly destroyed: boolean;
  readonly closed?: boolean;
  on(event: 'close', listener: () => void): unknown;
  off(event: 'close', listener: () => void): unknown;
  setHeader(name: string, value: string): unknown;
}

/** Express and Fastify: decisions leave as headers, a refusal as 429. */
export class HttpTransport implements Transport {
  constructor(
    private readonly style: HeaderStyle,
    private readonly refusals: Refusals,
  ) {}

  invocation(context: ExecutionContext): object {
    return context.switchToHttp().getRequest<object>();
  }

  publish(context: ExecutionContext, outcomes: readonly Outcome[]): void {
    this.setHeaders(context, this.limitFields(outcomes));
  }

  onGone(context: ExecutionContext, listener: () => void): () => void {
    const raw = rawResponse(context);
    if (raw.destroyed || raw.closed) listener();
    else raw.on('close', listener);
    return () => raw.off('close', listener);
  }

  interruption(_context: ExecutionContext, reason: Interruption): Error {
    return reason instanceof CallerGoneError ? callerGone(reason) : unavailable(reason);
  }

  refusal(context: ExecutionContext, outcomes: readonly Outcome[]): Error {
    const refusal = refusalOf(context, outcomes);
    const { retryAfterMs } = refusal;
    if (retryAfterMs !== null) {
      this.setHeaders(context, [['Retry-After', String(Math.ceil(retryAfterMs / 1000))]]);
    }
    return this.refusals.exception(refusal) ?? this.exception(refusal);
  }

  private exception(refusal: Refusal): RateLimitExceededException {
    const { decisions } = refusal;
    const { status } = this.refusals;
    const problem = quotaExceeded(decisions, { status, detail: this.refusals.message(refusal) });
    return new RateLimitExceededException(decisions, problem, this.refusals.body(refusal, problem));
  }

  private limitFields(outcomes: readonly Outcome[]): [string, string][] {
    const fields: [string, string][] = [];
    if (this.style === 'standard' || this.style === 'both') {
      fields.push(
        ['RateLimit-Policy', rateLimitPolicyField(outcomes)],
        ['RateLimit', rateLimitField(outcomes)],
      );
    }
    if (this.style === 'legacy' || this.style === 'both') {
      fields.push(...legacyFields(tightest(outcomes.map(({ decision }) => decision)) as Decision));
    }
    return fields;
  }

  /** On Node's own response, so that a handler that writes to it, a stream and an event stream have them too. */
  private setHeaders(context: ExecutionContext, fields: readonly [string, string][]): void {
    const raw = rawResponse(context);
    if (raw.headersSent) return;
    for (const [name, value] of fields) raw.setHeader(name, value);
  }
}

function rawResponse(context: ExecutionContext): RawResponse {
  const response = context.switchToHttp().getResponse<RawResponse & { raw?: RawResponse }>();
  return response.raw ?? response;
}
