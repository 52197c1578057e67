import type { Change, Take, Terms } from '../algorithms/kernel.js';
import type { LeaseRequest } from '../algorithms/lease.js';
import type { Found } from '../algorithms/level.js';
import type { BucketRecord, Mark, TakenAt } from '../algorithms/record.js';
import type { Report } from '../algorithms/report.js';
import type { Actual, Settled } from '../algorithms/settlement.js';
import type { Awaitable } from '../common/awaitable.js';

/**
 * What a decision comes to where the store cannot be asked: it is made by a bucket of this process (`memory`), or the
 * request passes (`allow`), or it is refused as unavailable (`deny`).
 */
export type OnStoreError = 'memory' | 'allow' | 'deny';

/** Where a decision was made: in a store, or, where that could not be asked, as `OnStoreError` says. */
export type DecisionSource = 'redis' | 'custom' | OnStoreError;

/** Takes that are admitted all or nothing, or of which one is picked. A bucket occurs at most once. */
export interface Transaction extends Terms {
  readonly takes: readonly Take[];
  /** Of each take, what it comes to where the store cannot be asked; undefined: what is usual. No store has to know. */
  readonly onStoreError?: readonly (OnStoreError | undefined)[];
  /** Whether the reply should say what was changed, so that it can be undone. */
  readonly revocable?: boolean;
}

/** A take that admits at once or refuses, of any bucket of a policy. */
export interface PlainTake extends Omit<Take, 'key' | 'reserve'> {
  /** What the names of its buckets begin with. */
  readonly policy: string;
}

/** What decides where it is called, and needs no transaction for the simplest of takes: all of them, or those that it knows enough of. */
export interface PlainDecider {
  /**
   * Decides as a transaction of this take alone. `key` is the part of the bucket's name in braces.
   * @returns the level that it found, in ticks of its scale: it was admitted where that is within its allowance. Undefined,
   * with nothing done, where there is more to say.
   */
  decidePlain(take: PlainTake, key: string): number | undefined;
  /** Of the last call that has decided: when that was, in microseconds of the store's clock, and whose word it is. */
  readonly plainAt: number;
  readonly plainSource: DecisionSource;
}

/** When a store has decided. */
export interface StoreMoment {
  /** In microseconds of the store's clock. */
  readonly now: number;
  /**
   * In milliseconds of this process' `performance.now()`: not before the call was sent, and not after its reply was
   * received. Waits count from here.
   */
  readonly decidedAt: number;
}

/** A take as it was decided where it was not as it was asked for, and where that was. */
export interface DecidedTake {
  readonly take: Take;
  readonly source: DecisionSource;
}

export interface TransactionReply extends StoreMoment {
  readonly admitted: boolean;
  /** Where it was decided. */
  readonly source: DecisionSource;
  /** Set where the store could not be asked: how each take was decided instead. */
  readonly instead?: readonly DecidedTake[];
  /** How each take found its bucket, in the order of the takes. */
  readonly found: readonly Found[];
  /** The places of the takes that were charged: all, or the one that was picked. None of a refusal. */
  readonly charged: readonly number[];
  /** Of a counted transaction: where each of the takes that were charged stands in the count of its bucket. */
  readonly marks: readonly (Mark | undefined)[];
  /** Of an admitted transaction that is revocable: what it has done to each bucket. */
  readonly changes: readonly Change[];
}

/** Until when a decision is of use. */
export interface Deadline {
  /** In milliseconds of `performance.now()`: what is not decided by then fails, and must not be carried out any more. */
  readonly until: number;
  /** Is told of transactions that were carried out in time and whose reply came after `until`. */
  readonly onLate?: (transactions: readonly Transaction[], replies: readonly TransactionReply[]) => void;
}

/** What a bucket says at the moment. */
export interface StoreState extends StoreMoment {
  readonly source: DecisionSource;
  readonly found: Found;
}

/** What a lease comes to. */
export interface LeaseState extends StoreState {
  /** Whole tokens that may be spent of it in all, since it began: settled and held. */
  readonly total: number;
}

/** A bucket as it lies in the store. */
export interface Inspection {
  /** What the store calls it. */
  readonly name: string;
  /** Undefined where it says no more than absence does: the bucket is full, and not blocked. */
  readonly record: BucketRecord | undefined;
  /** When it was read, in microseconds of the store's clock. */
  readonly now: number;
}

/** A bucket to be found again among those of its policy. */
export interface Candidate {
  readonly bucket: string;
  /** In how many milliseconds it is full again. */
  readonly fullAfterMs: number;
}

/**
 * Where buckets live. Times are the store's own: the caller's clock decides nothing.
 * A refusal changes nothing, and absence of a bucket means full.
 */
export interface Store {
  /**
   * Answers every transaction, in order, as if they had run one after another. A store that answers at once, or decides
   * where it is called, has no use for the deadline.
   */
  decide(transactions: readonly Transaction[], deadline?: Deadline): Awaitable<readonly TransactionReply[]>;
  /**
   * Lowers a bucket by whole tokens, not below full. Answers whether there was anything to give back. `taken` says when they
   * were taken, where that is known: then no more is given back than has certainly not drained since.
   */
  refund(key: string, tokens: number, taken?: TakenAt): Awaitable<boolean>;
  /**
   * Undoes changes, in this order, each only where nobody has come after it: the record still equals `after`.
   * Answers how many were undone.
   */
  undo(changes: readonly Change[]): Awaitable<number>;
  /**
   * Settles a take that was reserved in a bucket, once: with the difference between what it has cost and what was taken.
   * Answers what that has changed; undefined where it was settled before, is not known, or its time is over.
   */
  settle(key: string, actual: Actual): Awaitable<Omit<Settled, 'record'> | undefined>;
  /**
   * Grants, renews or settles a lease: tokens that a process takes ahead, to spend them without asking. May be called again
   * with the same request. A store without it is asked for each take; the memory store needs none. Answers how the bucket is
   * found afterwards.
   */
  lease?(key: string, request: LeaseRequest, deadline?: Pick<Deadline, 'until'>): Awaitable<LeaseState>;
  /** Notes what the other side says of a bucket. Answers how the bucket is found afterwards. */
  report(key: string, report: Report): Awaitable<StoreState>;
  /** Ends the block of a bucket. Answers whether there was one. */
  unblock(key: string): Awaitable<boolean>;
  /** Forgets a bucket. Answers whether there was one. */
  reset(key: string): Awaitable<boolean>;
  /** What the records of buckets say, in the order asked. Changes nothing. */
  inspect(keys: readonly string[]): Awaitable<readonly Inspection[]>;
  /** The buckets of a policy: all of them, or those of which `remember` was told. The policy as bucket names begin with it. */
  bucketsOf(policy: string): Awaitable<readonly string[]>;
  /** Where a store cannot list its buckets: keeps those of a policy that are full latest, until then. Else it does nothing. */
  remember(policy: string, candidates: readonly Candidate[]): Awaitable<void>;
  /** The limits that were set at run time: of each policy, by its name, a text. No bucket, so they never expire. */
  readLimits(): Awaitable<ReadonlyMap<string, string>>;
  /** Sets those of a policy. */
  writeLimits(policy: string, text: string): Awaitable<void>;
  /** Forgets those of a policy. Answers whether there were any. */
  deleteLimits(policy: string): Awaitable<boolean>;
  /** Closes what the store itself has opened, and nothing else. */
  close(): Awaitable<void>;
}
