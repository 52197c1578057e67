import { algorithms } from '../algorithms/index.js';
import { type Change, stepTime, type Take, waitOf } from '../algorithms/kernel.js';
import type { Patience, Reading } from '../algorithms/limit.js';
import { readLevel } from '../algorithms/reading.js';
import { type Awaitable, chain } from '../common/awaitable.js';
import type { Store, TransactionReply } from '../stores/store.interface.js';
import { bucketKey } from './bucket-key.js';
import type { Decision } from './decision.js';
import type { PlacedPolicy } from './placed-policy.js';

/** What one limit is asked for: tokens from the bucket of a policy and a key. */
export interface Charge {
  readonly placed: PlacedPolicy;
  readonly key: string;
  readonly cost: number;
  /** Set where the caller waits for its turn. */
  readonly patience?: Patience;
}

/** A decision together with what it was read from. */
export interface Outcome {
  readonly placed: PlacedPolicy;
  readonly decision: Decision;
  readonly level: Reading['level'];
}

/** What a transaction of charges came to. */
export interface Judgement {
  readonly admitted: boolean;
  readonly outcomes: readonly Outcome[];
  /** How long the shared start lies ahead, in milliseconds, not rounded; 0 where nothing waits. */
  readonly waitMs: number;
  /** From when `waitMs` counts, in milliseconds of `performance.now()`. */
  readonly decidedAt: number;
  /** What can be undone while the start lies ahead, and nobody has come after. */
  readonly changes: readonly Change[];
}

/** Turns charges into one transaction of the store, and its reply into decisions. */
export class Limiter {
  constructor(private readonly store: Store) {}

  decide(charges: readonly Charge[], { peek = false } = {}): Awaitable<Judgement> {
    const entries = mergeSameBucket(charges);
    const takes = entries.map(({ take }) => take);
    // Only what waits can still be given up; asking for the records costs a little.
    const revocable = takes.some(({ startLevel }) => startLevel !== undefined);
    return chain(this.store.decide([{ takes, peek, revocable }]), ([reply]) =>
      this.judge(charges, entries, reply as TransactionReply),
    );
  }

  /** Whether there was anything to give back. */
  refund({ placed, key, cost }: Charge): Awaitable<boolean> {
    // Places in a line that others have been promised behind do not move.
    if (cost === 0 || placed.policy.limit.shapes) return false;
    return this.store.refund(bucketKey(placed.id, key), cost);
  }

  /** Whether there was a bucket to forget. */
  reset(placed: PlacedPolicy, key: string): Awaitable<boolean> {
    return this.store.reset(bucketKey(placed.id, key));
  }

  private judge(charges: readonly Charge[], entries: readonly Entry[], reply: TransactionReply): Judgement {
    const takes = entries.map(({ take }) => take);
    const wait = waitOf(takes, reply.levels);
    const verdict = { admitted: reply.admitted, wait, margin: reply.stepped ? stepTime(takes) : 0 };
    const readings = new Map(
      entries.map(({ take, charge }, i) => {
        const { limit } = charge.placed.policy;
        return [take.key, readLevel(limit, take, reply.levels[i] ?? 0, verdict)];
      }),
    );
    const outcomes = charges.map((charge) => {
      const reading = readings.get(bucketKey(charge.placed.id, charge.key)) as Reading;
      return outcomeOf(charge, reading, reply.source);
    });
    const waitMs = reply.admitted ? Number(wait) / 1000 : 0;
    const { admitted, decidedAt, changes } = reply;
    return { admitted, outcomes, waitMs, decidedAt, changes };
  }
}

function outcomeOf({ placed, key }: Charge, reading: Reading, source: Decision['source']): Outcome {
  const { fits, level, remaining, retryAfterMs, resetAfterMs, delayMs } = reading;
  const decision: Decision = {
    allowed: fits,
    policy: placed.id,
    key,
    limit: placed.policy.capacity,
    remaining,
    retryAfterMs,
    resetAfterMs,
    delayMs,
    source,
  };
  return { placed, decision, level };
}

interface Entry {
  readonly charge: Charge;
  readonly take: Take;
}

/** The same bucket twice in one transaction is one entry with the sum of the costs. */
function mergeSameBucket(charges: readonly Charge[]): Entry[] {
  const merged = new Map<string, Charge>();
  for (const charge of charges) {
    const bucket = bucketKey(charge.placed.id, charge.key);
    const before = merged.get(bucket);
    merged.set(bucket, before ? { ...charge, cost: before.cost + charge.cost } : charge);
  }
  return [...merged].map(([bucket, charge]) => {
    const { limit } = charge.placed.policy;
    return { charge, take: algorithms[limit.algorithm](limit, bucket, charge.cost, charge.patience) };
  });
}
