import { HttpException } from '@nestjs/common';
import { type Decision, tightest } from '../../limiter/decision.js';
import { type ProblemDetails, quotaExceeded } from './problem-details.js';

/** A refused HTTP request: 429. Carries every decision of the stage, refusing or not. */
export class RateLimitExceededException extends HttpException {
  /** The refusal that lasts longest. */
  readonly decision: Decision;

  constructor(readonly decisions: readonly Decision[]) {
    const problem = quotaExceeded(decisions);
    super(problem, problem.status);
    this.decision = tightest(decisions) as Decision;
  }

  override getResponse(): ProblemDetails {
    return super.getResponse() as ProblemDetails;
  }
}
