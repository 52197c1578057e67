import type { ExecutionContext } from '@nestjs/common';
import type { Decision } from '../limiter/decision.js';
import type { ProblemDetails } from '../transport/http/problem-details.js';

/** What there is to know of a refusal. */
export interface Refusal {
  /** The request, message or operation that is refused. */
  readonly context: ExecutionContext;
  /** The refusal that lasts longest. */
  readonly decision: Decision;
  /** Every decision of the stage, refusing or not. */
  readonly decisions: readonly Decision[];
  /** After how long the same request would pass, in milliseconds; null if never. */
  readonly retryAfterMs: number | null;
}

/** What a refusal says. All functions answer at once: nobody awaits them. */
export interface RefusalTexts {
  /** The `detail` of the problem over HTTP, the `message` elsewhere; a function may write it in the caller's language. */
  message?: string | ((refusal: Refusal) => string);
  /** HTTP: the status, also that of the problem; an integer from 400 to 599, by default 429. */
  status?: number;
  /**
   * HTTP: the body instead of the problem. An object is sent as `application/json`, or as `application/problem+json` if it
   * has the `type`, `title` and `status` of a problem; a text as `text/plain`.
   */
  body?: (refusal: Refusal, problem: ProblemDetails) => object | string;
  exceptionFactory?: never;
}

/** Makes the exception of a refusal, on every transport. Headers are set and acknowledgements given nevertheless. */
export interface RefusalException {
  exceptionFactory: (refusal: Refusal) => Error;
  message?: never;
  status?: never;
  body?: never;
}

export type RefusalOptions = RefusalTexts | RefusalException;
