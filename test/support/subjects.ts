import { type Change, changesOf, decide } from '../../lib/algorithms/kernel.js';
import { find } from '../../lib/algorithms/level.js';
import {
  alive,
  type BucketRecord,
  blockOf,
  isPromised,
  isSame,
  markOf,
  rebase,
  recordWithout,
} from '../../lib/algorithms/record.js';
import { type Report, recordAfterReport, unblocked } from '../../lib/algorithms/report.js';
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

/** The kernel alone, over an unbounded map. */
export class KernelStore implements Store {
  private readonly records = new Map<string, BucketRecord>();

  constructor(private readonly clock: ManualClock) {}

  decide(transactions: readonly Transaction[]) {
    const { now } = this.clock;
    return transactions.map((transaction) => {
      const { takes, peek, counted = false } = transaction;
      const records = takes.map(({ key }) => this.load(key));
      const verdict = decide(takes, records, transaction, now);
      const changes = peek ? [] : changesOf(takes, records, verdict, counted, now);
      for (const { key, after } of changes) this.records.set(key, after);
      const marks = verdict.charged.map((i) => markOf(this.load(takes[i]!.key)));
      return { ...verdict, source: 'memory' as const, now, decidedAt: 0, marks, changes };
    });
  }

  undo(changes: readonly Change[]): number {
    const undone = changes.filter(({ key, before, after }) => {
      const isLast = isSame(this.records.get(key), after);
      if (isLast) this.keep(key, before);
      return isLast;
    });
    return undone.length;
  }

  refund(key: string, tokens: number): boolean {
    const record = this.load(key);
    if (record && isPromised(record, this.clock.now)) return false;
    this.keep(key, record && recordWithout(record, tokens, this.clock.now));
    return record !== undefined;
  }

  report(key: string, report: Report) {
    const record = recordAfterReport(this.load(key), report, this.clock.now);
    this.keep(key, record);
    const found = find(record, report.scale, this.clock.now);
    return { source: 'memory' as const, now: this.clock.now, decidedAt: 0, found };
  }

  unblock(key: string): boolean {
    const record = this.load(key);
    this.keep(key, record && unblocked(record, this.clock.now));
    return record !== undefined && blockOf(record, this.clock.now) > 0;
  }

  reset(key: string): boolean {
    return this.records.delete(key);
  }

  inspect(keys: readonly string[]) {
    return keys.map((name) => ({ name, record: this.load(name), now: this.clock.now }));
  }

  bucketsOf(policy: string): string[] {
    return [...this.records.keys()].filter((name) => name.startsWith(`${policy}:{`));
  }

  remember(): void {}

  close(): void {}

  private load(key: string): BucketRecord | undefined {
    const record = this.records.get(key);
    if (record) this.records.set(key, rebase(record, this.clock.now));
    return alive(this.records.get(key), this.clock.now);
  }

  private keep(key: string, record: BucketRecord | undefined): void {
    if (record) this.records.set(key, record);
    else this.records.delete(key);
  }
}
