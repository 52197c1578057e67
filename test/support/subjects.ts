import {
  admits,
  type BucketRecord,
  changesOf,
  fullAt,
  isStepped,
  levelAt,
  rebase,
  recordWithout,
  waitOf,
} from '../../lib/algorithms/kernel.js';
import { Limiter } from '../../lib/limiter/limiter.js';
import { leakyBucket, tokenBucket } from '../../lib/options/make-policy.js';
import type { Policy } from '../../lib/options/policy.js';
import type { Store, Transaction } from '../../lib/stores/store.interface.js';
import type { ManualClock } from './manual-clock.js';
import type { Subject } from './oracle/differential.js';
import type { EntryResult } from './oracle/oracle.js';
import type { Operation, ScenarioPolicy } from './oracle/scenario.js';

/** A policy of the scenario as a user would write it; it must come to the scale that the oracle has found. */
export function policyOf({ capacity, rate, shapes, maxWaitMicros, tokens, micros }: ScenarioPolicy): Policy {
  const maxWait = maxWaitMicros === undefined ? {} : { maxWaitMs: maxWaitMicros / 1000 };
  const policy = shapes ? leakyBucket({ capacity, rate, ...maxWait }) : tokenBucket({ capacity, rate });
  const { ticksPerMicro, ticksPerToken } = policy.limit.scale;
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
    if (operation.kind === 'reset') await limiter.reset(placed[0]!, operation.key);
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

/** The kernel alone, over an unbounded map. */
export class KernelStore implements Store {
  private readonly records = new Map<string, BucketRecord>();

  constructor(private readonly clock: ManualClock) {}

  decide(transactions: readonly Transaction[]) {
    return transactions.map(({ takes, peek }) => {
      const records = takes.map(({ key }) => this.load(key));
      const levels = takes.map(({ scale }, i) => {
        const record = records[i];
        return record ? levelAt(record, scale, this.clock.now) : 0;
      });
      const wait = waitOf(takes, levels);
      const admitted = admits(takes, levels, wait);
      const changes = admitted && !peek ? changesOf(takes, levels, wait, this.clock.now, records) : [];
      for (const { key, after } of changes) this.records.set(key, after);
      const stepped = !admitted && takes.some((take, i) => isStepped(take, records[i], this.clock.now));
      return { admitted, source: 'memory' as const, decidedAt: 0, levels, stepped, changes };
    });
  }

  undo(): number {
    return 0;
  }

  refund(key: string, tokens: number): boolean {
    const record = this.load(key);
    const lowered = record && recordWithout(record, tokens, this.clock.now);
    if (lowered) this.records.set(key, lowered);
    else this.records.delete(key);
    return record !== undefined && fullAt(record) > this.clock.now;
  }

  reset(key: string): boolean {
    return this.records.delete(key);
  }

  close(): void {}

  private load(key: string): BucketRecord | undefined {
    const record = this.records.get(key);
    if (record) this.records.set(key, rebase(record, this.clock.now));
    return this.records.get(key);
  }
}
