import type { Take } from '../algorithms/kernel.js';
import type { Found } from '../algorithms/level.js';
import type { Limit } from '../algorithms/limit.js';
import { ceilDivide, minus } from '../algorithms/ticks.js';
import { tokenBucketAlgorithm } from '../algorithms/token-bucket.js';
import { type Awaitable, chain, onFailure } from '../common/awaitable.js';
import type { Clock } from '../stores/memory/clock.js';
import { MemoryStore } from '../stores/memory/memory.store.js';
import type { Deadline, Store, Transaction, TransactionReply } from '../stores/store.interface.js';
import { policyPartOf } from './bucket-key.js';
import { RecentKeys } from './recent-keys.js';

/** More policies than anybody has. */
const MAX_POLICIES = 65_536;

export interface NewKeysOptions {
  /** How many keys of a policy may be new, and how fast. */
  readonly limit: Limit;
  /** The most keys that are remembered. */
  readonly maxKeys: number;
  readonly clock: Clock;
}

/** A transaction before the store is asked. */
interface Entry {
  /** The takes whose keys this process does not know, and for which places were taken. */
  readonly fresh: readonly Take[];
  /** How many places, by policy. */
  readonly places: ReadonlyMap<string, number>;
  /** Set where there was none: the store is not asked. */
  readonly refusal?: TransactionReply;
}

/**
 * Keeps a flood of new keys from the store: so many keys of each policy may get a bucket that this process has not met
 * lately, and the rest is refused here. Who has a bucket already takes no place, nor does who is refused one.
 */
export class NewKeys implements Pick<Store, 'decide'> {
  private readonly known: RecentKeys;
  private readonly places: MemoryStore;

  constructor(
    private readonly store: Pick<Store, 'decide'>,
    private readonly options: NewKeysOptions,
  ) {
    this.known = new RecentKeys(options.maxKeys);
    this.places = new MemoryStore({ maxKeys: MAX_POLICIES, clock: options.clock });
  }

  decide(transactions: readonly Transaction[], deadline?: Deadline): Awaitable<readonly TransactionReply[]> {
    const entries = transactions.map((transaction) => this.enter(transaction));
    const asked = transactions.filter((_, i) => entries[i]?.refusal === undefined);
    if (asked.length === 0) return entries.map(({ refusal }) => refusal as TransactionReply);
    return chain(
      onFailure(
        () => this.store.decide(asked, deadline),
        () => {
          for (const entry of entries) this.leave(entry, entry.fresh);
        },
      ),
      (replies) => {
        let next = 0;
        return entries.map((entry, i) => {
          const reply = entry.refusal ?? (replies[next++] as TransactionReply);
          if (entry.fresh.length > 0) this.learn(entry, transactions[i] as Transaction, reply);
          return reply;
        });
      },
    );
  }

  /** What is picked from, and what costs nothing, is not counted: there the store writes nothing, or the caller chooses. */
  private enter({ takes, peek = false, pick }: Transaction): Entry {
    const fresh = pick ? [] : takes.filter(({ key, cost }) => cost > 0 && !this.known.has(key));
    const places = countByPolicy(fresh);
    if (fresh.length === 0) return { fresh, places };
    const { limit } = this.options;
    // More at once than there are places take all of them.
    const asked = [...places].map(([policy, count]) =>
      tokenBucketAlgorithm(limit, policy, Math.min(count, limit.capacity)),
    );
    const [reply] = this.places.decide([{ takes: asked, peek }]) as [TransactionReply];
    if (reply.admitted) return { fresh: peek ? [] : fresh, places };
    const waits = new Map(asked.map((take, i) => [take.key, waitFor(take, reply.found[i] as Found)]));
    const isFresh = new Set(fresh);
    return {
      fresh: [],
      places,
      refusal: refusalOf(takes, reply, (take) =>
        isFresh.has(take) ? (waits.get(policyPartOf(take.key)) ?? 0) : 0,
      ),
    };
  }

  /** What the store says of keys that were new here. */
  private learn(entry: Entry, { takes }: Transaction, { found, charged }: TransactionReply): void {
    const without = entry.fresh.filter((take) => {
      const place = takes.indexOf(take);
      const hadBucket = isUsed(found[place] as Found);
      const hasBucket = charged.includes(place);
      if (hadBucket || hasBucket) this.known.add(take.key);
      return hadBucket || !hasBucket;
    });
    this.leave(entry, without);
  }

  /** Gives the places back of those who have got no new bucket. */
  private leave({ places }: Entry, takes: readonly Take[]): void {
    for (const [policy, count] of countByPolicy(takes)) {
      this.places.refund(policy, Math.min(count, places.get(policy) ?? 0, this.options.limit.capacity));
    }
  }
}

function countByPolicy(takes: readonly Take[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { key } of takes) {
    const policy = policyPartOf(key);
    counts.set(policy, (counts.get(policy) ?? 0) + 1);
  }
  return counts;
}

const isUsed = ({ level, block }: Found): boolean => level > 0 || block > 0;

/** Microseconds until there is a place again. */
function waitFor({ allowance, scale }: Take, { level }: Found): number {
  return Math.max(Number(ceilDivide(minus(level, allowance), scale.ticksPerMicro)), 0);
}

/** A refusal that no store has made: what is new and has no place is as a bucket that is blocked until there is one. */
function refusalOf(
  takes: readonly Take[],
  { now, decidedAt }: TransactionReply,
  waitOf: (take: Take) => number,
): TransactionReply {
  const found = takes.map((take) => {
    const block = waitOf(take);
    return { level: 0, block, blockEnd: block === 0 ? 0 : now + block, stepped: false };
  });
  // Nobody waits for a place: it is refused, however patient it is.
  const instead = takes.map((take) => ({
    take: { ...take, startLevel: undefined, promises: false, reserve: undefined },
    source: 'memory' as const,
  }));
  const nothing = { charged: [], marks: [], changes: [] };
  return { admitted: false, source: 'memory', instead, found, now, decidedAt, ...nothing };
}
