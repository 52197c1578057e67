import { HttpException } from '@nestjs/common';
import { type Decision, tightest } from '../limiter/decision.js';
import { type ProblemDetails, quotaExceeded } from './http/problem-details.js';

/** A refused request: 429 over HTTP. Carries every decision of the stage, refusing or not. */
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
