import type { Change } from '../../lib/algorithms/kernel.js';
import type { Mark } from '../../lib/algorithms/record.js';
import type { Charge } from '../../lib/limiter/charge.js';
import type { Outcome } from '../../lib/limiter/judgement.js';
import { Limiter } from '../../lib/limiter/limiter.js';
import { TakenDecision } from '../../lib/limiter/taken-decision.js';
import { leakyBucket, tokenBucket } from '../../lib/options/make-policy.js';
import type { Policy } from '../../lib/options/policy.js';
import type { Store } from '../../lib/stores/store.interface.js';
import type { ManualClock } from './manual-clock.js';
import type { EntryResult } from './oracle/oracle.js';
import type { OutboundSubject } from './oracle/outbound-differential.js';
import { type OutboundPolicy, outboundPolicies } from './oracle/outbound-scenario.js';

/** What is compared of an outcome. */
export function readOutcome({ decision, level }: Outcome): EntryResult {
  const { allowed, remaining, retryAfterMs, resetAfterMs, delayMs } = decision;
  return { allowed, level: BigInt(level), remaining, retryAfterMs, resetAfterMs, delayMs };
}

/** A limiter on a store, as the differential run sees it. */
export function outboundSubject(store: Store, clock: ManualClock): OutboundSubject<Mark, readonly Change[]> {
  const limiter = new Limiter(store);
  const places = outboundPolicies.map((policy) => ({ id: 'bucket', policy: policyOf(policy) }));
  const chargeOf = ({
    key,
    policy,
    cost,
    patience,
  }: { policy: number } & Omit<Charge, 'placed'>): Charge => ({
    placed: places[policy]!,
    key,
    cost,
    ...(patience ? { patience } : {}),
  });
  return {
    async decide({ at, entries, peek, counted, pick }) {
      clock.now = at;
      const options = { peek, counted, ...(pick ? { pick } : {}) };
      const { admitted, outcomes, changes, chosen } = await limiter.decide(entries.map(chargeOf), options);
      const marks = counted ? outcomes.map(({ decision }) => TakenDecision.markOf(decision)) : [];
      return { admitted, chosen, results: outcomes.map(readOutcome), marks, changes };
    },
    async sync({ at, key, policy, remaining, retryAfterMs, forever }, mark) {
      clock.now = at;
      const given = { remaining, retryAfterMs, forever, mark };
      const report = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
      return readOutcome(await limiter.sync({ placed: places[policy]!, key }, report));
    },
    async unblock({ at, key, policy }) {
      clock.now = at;
      return limiter.unblock({ placed: places[policy]!, key });
    },
    async refund(operation) {
      clock.now = operation.at;
      await limiter.refund(chargeOf(operation));
    },
    async reset({ at, key, policy }) {
      clock.now = at;
      await limiter.reset({ placed: places[policy]!, key });
    },
    async undo(at, changes) {
      clock.now = at;
      return store.undo(changes.flat());
    },
  };
}

/** It must come to the scale that the model has found. */
function policyOf({ kind, capacity, rate, maxWaitMicros, tokens, micros }: OutboundPolicy): Policy {
  const maxWait = maxWaitMicros === undefined ? {} : { maxWaitMs: maxWaitMicros / 1000 };
  const meter = kind === 'meter' ? { shape: false } : {};
  const policy =
    kind === 'token'
      ? tokenBucket({ capacity, rate })
      : leakyBucket({ capacity, rate, ...maxWait, ...meter });
  const { ticksPerMicro, ticksPerToken } = policy.limit!.scale;
  if (BigInt(ticksPerMicro) !== tokens || BigInt(ticksPerToken) !== micros) {
    throw new Error(`${rate} at ${capacity}: ${ticksPerMicro}/${ticksPerToken}, not ${tokens}/${micros}`);
  }
  return policy;
}
