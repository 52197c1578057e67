import { Limiter } from '../../lib/limiter/limiter.js';
import { leakyBucket, tokenBucket } from '../../lib/options/make-policy.js';
import type { Policy } from '../../lib/options/policy.js';
import type { Store } from '../../lib/stores/store.interface.js';
import type { ManualClock } from './manual-clock.js';
import type { Subject } from './oracle/differential.js';
import type { EntryResult } from './oracle/oracle.js';
import type { Operation, ScenarioPolicy } from './oracle/scenario.js';

/** A policy of the scenario as a user would write it; it must come to the scale that the oracle has found. */
export function policyOf({ capacity, rate, shapes, maxWaitMicros, tokens, micros }: ScenarioPolicy): Policy {
  const maxWait = maxWaitMicros === undefined ? {} : { maxWaitMs: maxWaitMicros / 1000 };
  const policy = shapes ? leakyBucket({ capacity, rate, ...maxWait }) : tokenBucket({ capacity, rate });
  const { ticksPerMicro, ticksPerToken } = policy.limit!.scale;
  if (BigInt(ticksPerMicro) !== tokens || BigInt(ticksPerToken) !== micros) {
    throw new Error(
      `rate ${rate} at capacity ${capacity}: ${ticksPerMicro}/${ticksPerToken}, not ${tokens}/${micros}`,
    );
  }
  return policy;
}

/** A store as the driver sees it: one bucket per key, whichever policy reads it. */
export function subject(store: Store, clock: ManualClock, scenario: readonly ScenarioPolicy[]): Subject {
  const limiter = new Limiter(store);
  const placed = scenario.map((policy) => ({ id: 'bucket', policy: policyOf(policy) }));
  const charge = ({ key, policy, cost }: { key: string; policy: number; cost: number }) => ({
    placed: placed[policy]!,
    key,
    cost,
  });
  const answer = async (operation: Operation): Promise<EntryResult[]> => {
    if (operation.kind === 'reset') await limiter.reset({ placed: placed[0]!, key: operation.key });
    else {
      clock.now = operation.at;
      if (operation.kind === 'refund') await limiter.refund(charge(operation));
      else {
        const peek = operation.kind === 'peek';
        const { outcomes } = await limiter.decide(operation.entries.map(charge), { peek });
        return outcomes.map(({ decision, level }) => ({
          allowed: decision.allowed,
          level: BigInt(level),
          remaining: decision.remaining,
          retryAfterMs: decision.retryAfterMs,
          resetAfterMs: decision.resetAfterMs,
          delayMs: decision.delayMs,
        }));
      }
    }
    return [];
  };
  // All are started in order before any is awaited: the clock is read when an operation starts.
  return { apply: (operations) => Promise.all(operations.map(answer)) };
}
