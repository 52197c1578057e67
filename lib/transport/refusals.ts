import { types } from 'node:util';
import type { ExecutionContext } from '@nestjs/common';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';
import { type Decision, tightest } from '../limiter/decision.js';
import type { Outcome } from '../limiter/judgement.js';
import type { Refusal, RefusalOptions } from '../options/refusal-options.js';
import type { ProblemDetails } from './http/problem-details.js';

/** At least one of the outcomes refuses. */
export function refusalOf(context: ExecutionContext, outcomes: readonly Outcome[]): Refusal {
  const decisions = outcomes.map(({ decision }) => decision);
  const decision = tightest(decisions) as Decision;
  return { context, decision, decisions, retryAfterMs: decision.retryAfterMs };
}

/**
 * What the application says of a refusal, the option `refusal`; undefined where it leaves it to us.
 * Its functions fail with what they throw, or with RateLimitError `INVALID_REFUSAL`.
 */
export class Refusals {
  constructor(private readonly options: RefusalOptions = {}) {}

  get status(): number | undefined {
    return this.options.status;
  }

  exception(refusal: Refusal): Error | undefined {
    const error: unknown = this.options.exceptionFactory?.(refusal);
    if (this.options.exceptionFactory === undefined || isError(error)) return error as Error | undefined;
    throw invalid('exceptionFactory', error, 'return an error, as new HttpException("Slow down.", 429)');
  }

  message(refusal: Refusal): string | undefined {
    const { message } = this.options;
    if (typeof message !== 'function') return message;
    const text: unknown = message(refusal);
    if (typeof text === 'string') return text;
    throw invalid('message', text, 'return a text');
  }

  body(refusal: Refusal, problem: ProblemDetails): object | string | undefined {
    const body: unknown = this.options.body?.(refusal, problem);
    if (this.options.body === undefined || isBody(body)) return body as object | string | undefined;
    throw invalid('body', body, 'return an object or a text, as { ...problem, help: "…" }');
  }
}

/** Also one of another realm. */
const isError = (value: unknown): value is Error => value instanceof Error || types.isNativeError(value);

const isBody = (value: unknown): value is object | string =>
  typeof value === 'string' || (typeof value === 'object' && value !== null && !isThenable(value));

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as Partial<PromiseLike<unknown>> | null | undefined)?.then === 'function';

function invalid(option: string, answer: unknown, fix: string): RateLimitError {
  // Nobody listens to it: its failure must not end the process.
  if (isThenable(answer)) answer.then(undefined, () => undefined);
  const hint = isThenable(answer) ? ', at once: nobody awaits a promise' : '';
  return new RateLimitError(
    'INVALID_REFUSAL',
    `RateLimitModule.forRoot: refusal.${option} answered ${show(answer)}; ${fix}${hint}`,
  );
}
