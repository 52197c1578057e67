import type { PolicyRegistry } from '../limiter/policy-registry.js';
import type { Policy } from '../options/policy.js';
import { ManualClock } from './manual-clock.js';
import { TestingStore } from './testing.store.js';

/**
 * What a test says to the limits of its application: `app.get(RateLimitTesting)`. Until it says something nothing is
 * refused and nothing waits, but what a full bucket refuses too: a cost above the capacity.
 *
 * A policy is meant by its value or its name; one without a name also by its place, as a decision tells it:
 * `'ChatController.ask'`. What names nothing is a RateLimitError, `UNKNOWN_POLICY` or `POLICY_NEEDS_NAME`; the names of
 * decorators are known as soon as the application is initialised.
 */
export class RateLimitTesting {
  /** The time of the buckets. */
  readonly clock = new ManualClock();
  /** @internal */
  readonly store = new TestingStore(this.clock.read);

  /** @internal */
  constructor(private readonly registry: () => PolicyRegistry) {}

  /**
   * Enforces policies, or all of them: from now on their buckets are real ones, in memory, full at first, and they refill
   * as the clock is moved. Still nothing waits: `delayMs` of a decision says for how long it would.
   */
  enforce(...policies: (Policy | string)[]): void {
    this.store.enforce(this.idsOf(policies, 'enforce'));
  }

  /** Enforces policies no longer, or none of them, and forgets their buckets and what `refuseNext` has ordered. */
  relax(...policies: (Policy | string)[]): void {
    this.store.relax(this.idsOf(policies, 'relax'));
  }

  /**
   * Refuses the next decision of a policy, whoever asks, and whether it is enforced or not. `retryAfterMs` is then the time
   * in which the tokens that were asked for come back. Called twice, it refuses the next two.
   */
  refuseNext(policy: Policy | string): void {
    this.store.refuseNext(this.idOf(policy, 'refuseNext'));
  }

  private idsOf(policies: readonly (Policy | string)[], method: string): string[] {
    return policies.map((policy) => this.idOf(policy, method));
  }

  private idOf(policy: Policy | string, method: string): string {
    return this.registry().findAny(policy, `RateLimitTesting.${method}`).id;
  }
}
