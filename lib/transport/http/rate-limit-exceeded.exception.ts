import { HttpException } from '@nestjs/common';
import { type Decision, tightest } from '../../limiter/decision.js';
import { type ProblemDetails, quotaExceeded } from './problem-details.js';
import { type RefusalBody, refusalBody } from './refusal-body.js';

/**
 * A refused HTTP request: 429, or the status of the option `refusal`; 503 where the store could not be asked and
 * `onStoreError` is `deny`. Carries every decision of the stage, refusing or not.
 */
export class RateLimitExceededException extends HttpException {
  /** The refusal that lasts longest. */
  readonly decision: Decision;
  /** @internal */
  readonly body: RefusalBody;

  /** `content` is what the client is told: the problem, or what the option `refusal` puts in its place. */
  constructor(
    readonly decisions: readonly Decision[],
    readonly problem: ProblemDetails = quotaExceeded(decisions),
    content: object | string = problem,
  ) {
    super(content, problem.status);
    this.decision = tightest(decisions) as Decision;
    this.body = refusalBody(content);
  }
}
