import { type Decision, tightest } from './decision.js';

/** A refusal where there is no response to put it in. Carries every decision, refusing or not. */
export class RateLimitExceededError extends Error {
  override readonly name = 'RateLimitExceededError';
  /** The refusal that lasts longest; of several buckets of which one would do, the one that ends first. */
  readonly decision: Decision;

  constructor(
    readonly decisions: readonly Decision[],
    decision = tightest(decisions) as Decision,
  ) {
    const { policy, retryAfterMs } = decision;
    const what = decision.source === 'deny' ? 'cannot be checked: the store is not to be asked' : 'exceeded';
    super(
      `limit '${policy}' ${what}; ${retryAfterMs === null ? 'it never admits so much, or is blocked until that is taken back' : `retry after ${retryAfterMs} ms`}`,
    );
    this.decision = decision;
  }
}
