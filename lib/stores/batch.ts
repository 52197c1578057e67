import { isUnavailable } from '../errors/is-unavailable.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { BucketsByPolicy, partsOf } from './buckets-by-policy.js';
import { isPlain } from './plain.js';
import { PlainCall } from './plain-call.js';
import type { Deadline, Transaction, TransactionReply } from './store.interface.js';

/** Who waits for a decision. */
export interface Caller {
  readonly transactions: readonly Transaction[];
  readonly deadline: Deadline | undefined;
  readonly resolve: (replies: readonly TransactionReply[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Several batches under way keep both sides busy: the server decides one while this process makes the next. */
const MOST_CALLERS = 120;

/** So many buckets hold a server for about a millisecond: the lean script needs 4 to 5 µs for each, the other four times that. */
const MOST_BUCKETS = 240;
const MOST_BUCKETS_OTHERWISE = 60;

/** Calls that are decided with one: their transactions in the order of arrival. */
export class Batch {
  readonly callers: (Caller | PlainCall)[] = [];
  readonly transactions: Transaction[] = [];
  private isPlain = true;
  /** Takes of calls that have one, and the buckets of the others: those are often the same. */
  private size = 0;
  private buckets: BucketsByPolicy<true> | undefined;

  /** `line`: what it is decided together with. */
  constructor(readonly line = '') {}

  static of(only: Caller | PlainCall): Batch {
    const batch = new Batch();
    if (only instanceof PlainCall) batch.addPlain(only);
    else batch.add(only);
    return batch;
  }

  get isEmpty(): boolean {
    return this.callers.length === 0;
  }

  get isFull(): boolean {
    return this.callers.length >= MOST_CALLERS || this.size >= this.mostBuckets;
  }

  private get mostBuckets(): number {
    return this.isPlain ? MOST_BUCKETS : MOST_BUCKETS_OTHERWISE;
  }

  /**
   * Whether there is room. One call alone may be larger than a batch. What is plain is not asked for with what is not: the quick
   * way is only for all.
   */
  takesIn(transactions: readonly Transaction[]): boolean {
    if (this.isEmpty) return true;
    const more = isSingle(transactions) ? 1 : countTakes(transactions);
    return arePlain(transactions) === this.isPlain && this.size + more <= this.mostBuckets;
  }

  takesInPlain({ others }: PlainCall): boolean {
    return this.isEmpty || (this.isPlain && this.size + others.length < MOST_BUCKETS);
  }

  addPlain(call: PlainCall): void {
    this.callers.push(call);
    this.transactions.push(call);
    const { others } = call;
    if (others.length === 0) {
      this.size++;
      return;
    }
    this.addBucket(call.take.policy, call.key);
    for (const { take, key } of others) this.addBucket(take.policy, key);
  }

  add(caller: Caller): void {
    if (this.isEmpty) this.isPlain = arePlain(caller.transactions);
    this.callers.push(caller);
    for (const transaction of caller.transactions) this.transactions.push(transaction);
    if (isSingle(caller.transactions)) this.size++;
    else
      for (const { takes } of caller.transactions)
        for (const { key } of takes) this.addBucket(...partsOf(key));
  }

  private addBucket(policy: string, key: string): void {
    this.buckets ??= new BucketsByPolicy();
    if (this.buckets.get(policy, key)) return;
    this.buckets.set(policy, key, true);
    this.size++;
  }

  /** It takes in no more. What it has counted with would live until the replies are there. */
  close(): void {
    this.buckets = undefined;
  }

  /** The earliest of its callers. */
  get deadline(): Deadline | undefined {
    let until = Number.POSITIVE_INFINITY;
    let isListening = false;
    for (const caller of this.callers) {
      const deadline = deadlineOf(caller);
      if (deadline === undefined) continue;
      until = Math.min(until, deadline.until);
      isListening ||= deadline.onLate !== undefined;
    }
    if (until === Number.POSITIVE_INFINITY) return undefined;
    return isListening ? { until, onLate: (late, replies) => this.tellLate(late, replies) } : { until };
  }

  /** To each the replies of its own transactions. */
  resolve(replies: readonly TransactionReply[]): void {
    let next = 0;
    for (const caller of this.callers) {
      if (caller instanceof PlainCall) {
        caller.replied(replies[next++] as TransactionReply);
        continue;
      }
      const { transactions, resolve } = caller;
      const end = next + transactions.length;
      resolve(transactions.length === 1 ? [replies[next] as TransactionReply] : replies.slice(next, end));
      next = end;
    }
  }

  reject(error: unknown): void {
    for (const caller of this.callers) {
      if (caller instanceof PlainCall) caller.failed(error);
      else caller.reject(error);
    }
  }

  /**
   * Whether others may be decided where one has made a mistake. An error of ours is thrown before anything is written; after
   * any other nobody knows.
   */
  mayBeTriedAlone(error: unknown): boolean {
    return this.callers.length > 1 && error instanceof RateLimitError && !isUnavailable(error);
  }

  private tellLate(late: readonly Transaction[], replies: readonly TransactionReply[]): void {
    const told = new Map(late.map((transaction, i) => [transaction, replies[i] as TransactionReply]));
    for (const caller of this.callers) {
      const deadline = deadlineOf(caller);
      if (deadline === undefined) continue;
      const { transactions } = caller as Caller;
      const own = transactions.filter((transaction) => told.has(transaction));
      if (own.length > 0)
        deadline.onLate?.(
          own,
          own.map((transaction) => told.get(transaction) as TransactionReply),
        );
    }
  }
}

/** One that is asked for plainly has as long as is usual. */
const deadlineOf = (caller: Caller | PlainCall): Deadline | undefined =>
  caller instanceof PlainCall ? undefined : caller.deadline;

const isSingle = (transactions: readonly Transaction[]): boolean =>
  transactions.length === 1 && transactions[0]?.takes.length === 1;

function countTakes(transactions: readonly Transaction[]): number {
  let count = 0;
  for (const { takes } of transactions) count += takes.length;
  return count;
}

function arePlain(transactions: readonly Transaction[]): boolean {
  for (const transaction of transactions) if (!isPlain(transaction)) return false;
  return true;
}
