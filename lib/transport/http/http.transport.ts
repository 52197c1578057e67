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
import { STANDARD_FIELDS, standardFields } from './ratelimit-fields.js';

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
    return context.switchToHttp().getRequest<object>();
  }

  publish(context: ExecutionContext, outcomes: readonly Outcome[]): void {
    this.setHeaders(context, this.limitFields(outcomes), this.exposedLimits);
  }

  onGone(context: ExecutionContext, listener: () => void): () => void {
    const raw = rawOf(context.switchToHttp().getResponse());
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
      const seconds = String(Math.ceil(retryAfterMs / 1000));
      this.setHeaders(context, [[RETRY_AFTER, seconds]], this.exposedRetry);
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

  private limitFields(outcomes: readonly Outcome[]): [string, string][] {
    const { headers, sourceHeader } = this.told;
    const decision = tightest(outcomes.map((outcome) => outcome.decision)) as Decision;
    const fields: [string, string][] = [];
    if (headers === 'standard' || headers === 'both') {
      fields.push(...standardFields(outcomes));
    }
    if (headers === 'legacy' || headers === 'both') fields.push(...legacyFields(decision));
    if (sourceHeader) fields.push([SOURCE, decision.source]);
    return fields;
  }

  /** On Node's own response, so that a handler that writes to it, a stream and an event stream have them too. */
  private setHeaders(
    context: ExecutionContext,
    fields: readonly [string, string][],
    exposed: ExposedFields,
  ): void {
    const response = context.switchToHttp().getResponse<RawResponse | Reply>();
    const raw = rawOf(response);
    if (raw.headersSent) return;
    for (const [name, value] of fields) raw.setHeader(name, value);
    if (fields.length > 0) exposed.exposeOn(raw, 'raw' in response ? response : undefined);
  }
}

/** Fastify's response stands before Node's; that of Express is Node's. */
const rawOf = (response: RawResponse | Reply): RawResponse => ('raw' in response ? response.raw : response);
