import type { Change, Take } from '../algorithms/kernel.js';
import type { Ticks } from '../algorithms/ticks.js';
import type { Awaitable } from '../common/awaitable.js';

/** Takes that are admitted all or nothing. A bucket occurs at most once. */
export interface Transaction {
  readonly takes: readonly Take[];
  /** Evaluate only: nothing is taken. */
  readonly peek: boolean;
  /** Whether the reply should say what was changed, so that it can be undone. */
  readonly revocable?: boolean;
}

export interface TransactionReply {
  readonly admitted: boolean;
  /** Where it was decided. */
  readonly source: 'memory' | 'redis';
  /**
   * When it was decided, in milliseconds of this process' `performance.now()`: not before the call was sent, and not after
   * its reply was received. Waits count from here.
   */
  readonly decidedAt: number;
  /** The level that each take found, in ticks of its scale, in the order of the takes. */
  readonly levels: readonly Ticks[];
  /**
   * Of a refusal: whether the level of a take that shapes falls by whole tokens, for it was written at a faster rate on
   * another scale (`fallsInSteps`). A wait computed from it then holds only with a token's time added.
   */
  readonly stepped: boolean;
  /** Of an admitted transaction that is revocable: what it has done to each bucket. */
  readonly changes: readonly Change[];
}

/**
 * Where buckets live. Times are the store's own: the caller's clock decides nothing.
 * A refusal changes nothing, and absence of a bucket means full.
 */
export interface Store {
  /** Answers every transaction, in order, as if they had run one after another. */
  decide(transactions: readonly Transaction[]): Awaitable<readonly TransactionReply[]>;
  /** Lowers a bucket by whole tokens, not below full. Answers whether there was anything to give back. */
  refund(key: string, tokens: number): Awaitable<boolean>;
  /**
   * Undoes changes, in this order, each only where nobody has come after it: the record still equals `after`.
   * Answers how many were undone.
   */
  undo(changes: readonly Change[]): Awaitable<number>;
  /** Forgets a bucket. Answers whether there was one. */
  reset(key: string): Awaitable<boolean>;
  /** Closes what the store itself has opened, and nothing else. */
  close(): Awaitable<void>;
}
