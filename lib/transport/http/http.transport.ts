import type { ExecutionContext } from '@nestjs/common';
import { type Decision, isUnknown, tightest } from '../../limiter/decision.js';
import type { Outcome } from '../../limiter/judgement.js';
import type { HeaderStyle } from '../../options/module-options.js';
import type { Refusal } from '../../options/refusal-options.js';
import { CallerGoneError } from '../caller-gone.error.js';
import { type Refusals, refusalOf } from '../refusals.js';
import type { Interruption, Transport } from '../transport.js';
import { ExposedFields, type HeaderValue, type ReplyHeaders } from './exposed-fields.js';
import { callerGone, unavailable } from './interruptions.js';
import { LEGACY_FIELDS, legacyFields } from './legacy-fields.js';
import { quotaExceeded, reducedCapacity } from './problem-details.js';
import { RateLimitExceededException } from './rate-limit-exceeded.exception.js';
import { rateLimitField, rateLimitPolicyField, STANDARD_FIELDS } from './ratelimit-fields.js';

const [POLICY_FIELD, LIMIT_FIELD] = STANDARD_FIELDS;
const RETRY_AFTER = 'Retry-After';
const SOURCE = 'X-RateLimit-Source';

/** Which headers tell of decisions. */
export interface HttpFields {
  readonly headers: HeaderStyle;
  readonly sourceHeader: boolean;
}

/** What is used of Node's response, HTTP/1 and HTTP/2 alike. */
interface RawResponse {
  readonly headersSent: boolean;
  readonly destroyed: boolean;
  readonly closed?: boolean;
  on(event: 'close', listener: () => void): unknown;
  off(event: 'close', listener: () => void): unknown;
  getHeader(name: string): HeaderValue;
  setHeader(name: string, value: string): unknown;
}

const FIELDS: Readonly<Record<HeaderStyle, readonly string[]>> = {
  standard: STANDARD_FIELDS,
  legacy: LEGACY_FIELDS,
  both: [...STANDARD_FIELDS, ...LEGACY_FIELDS],
  none: [],
};

type Reply = ReplyHeaders & { readonly raw: RawResponse };

/** Express and Fastify: decisions leave as headers, a refusal as 429. */
export class HttpTransport implements Transport {
  private readonly exposedLimits: ExposedFields;
  private readonly exposedRetry = new ExposedFields([RETRY_AFTER]);

  constructor(
    private readonly told: HttpFields,
    private readonly refusals: Refusals,
  ) {
    this.exposedLimits = new ExposedFields([...FIELDS[told.headers], ...(told.sourceHeader ? [SOURCE] : [])]);
  }

  invocation(context: ExecutionContext): object {
    return context.getArgByIndex<object>(0);
  }

  publish(context: ExecutionContext, outcomes: readonly Outcome[]): void {
    const { headers, sourceHeader } = this.told;
    if (headers === 'none' && !sourceHeader) return;
    const response = responseOf(context);
    const raw = rawOf(response);
    if (raw.headersSent) return;
    if (headers === 'standard' || headers === 'both') {
      raw.setHeader(POLICY_FIELD, rateLimitPolicyField(outcomes));
      raw.setHeader(LIMIT_FIELD, rateLimitField(outcomes));
    }
    if (headers !== 'standard' || sourceHeader) this.tellTightest(raw, outcomes);
    this.exposedLimits.exposeOn(raw, replyOf(response));
  }

  private tellTightest(raw: RawResponse, outcomes: readonly Outcome[]): void {
    const { headers, sourceHeader } = this.told;
    const decision = tightest(outcomes.map((outcome) => outcome.decision)) as Decision;
    if (headers === 'legacy' || headers === 'both') {
      for (const [name, value] of legacyFields(decision)) raw.setHeader(name, value);
    }
    if (sourceHeader) raw.setHeader(SOURCE, decision.source);
  }

  onGone(context: ExecutionContext, listener: () => void): () => void {
    const raw = rawOf(responseOf(context));
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
      this.setRetryAfter(context, String(Math.ceil(retryAfterMs / 1000)));
    }
    return this.refusals.exception(refusal) ?? this.exception(refusal);
  }

  private exception(refusal: Refusal): RateLimitExceededException {
    const { decisions } = refusal;
    const { status } = this.refusals;
    const told = { status, detail: this.refusals.message(refusal) };
    const problem = isUnknown(decisions) ? reducedCapacity(decisions, told) : quotaExceeded(decisions, told);
    return new RateLimitExceededException(decisions, problem, this.refusals.body(refusal, problem));
  }

  private setRetryAfter(context: ExecutionContext, seconds: string): void {
    const response = responseOf(context);
    const raw = rawOf(response);
    if (raw.headersSent) return;
    raw.setHeader(RETRY_AFTER, seconds);
    this.exposedRetry.exposeOn(raw, replyOf(response));
  }
}

const responseOf = (context: ExecutionContext): RawResponse | Reply => context.getArgByIndex(1);

const replyOf = (response: RawResponse | Reply): Reply | undefined =>
  'raw' in response ? response : undefined;

/**
 * Node's own response, so that a handler that writes to it, a stream and an event stream have the fields too.
 * Fastify's stands before it; that of Express is it.
 */
const rawOf = (response: RawResponse | Reply): RawResponse => ('raw' in response ? response.raw : response);
