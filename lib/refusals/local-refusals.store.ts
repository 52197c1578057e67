import type { Change } from '../algorithms/kernel.js';
import type { TakenAt } from '../algorithms/record.js';
import type { Report } from '../algorithms/report.js';
import type { Actual, Settled } from '../algorithms/settlement.js';
import { type Awaitable, chain } from '../common/awaitable.js';
import { ForwardingStore } from '../stores/forwarding.store.js';
import type { BucketTake, PlainCall, PlainQueue } from '../stores/plain-call.js';
import type {
  Deadline,
  DecisionSource,
  PlainDecider,
  PlainTake,
  Store,
  StoreState,
  Transaction,
  TransactionReply,
} from '../stores/store.interface.js';
import type { KnownRefusals } from './known-refusals.js';

/**
 * Refuses what the store is known to refuse, without asking. What this process gives back, resets or hears counts at once;
 * what others do, when the refusal is no longer believed.
 */
export class LocalRefusals extends ForwardingStore implements PlainDecider {
  plainAt = 0;
  plainSource: DecisionSource = 'redis';
  private readonly behind: PlainDecider | undefined;
  /** Where the store behind has one. */
  readonly enqueue: PlainQueue['enqueue'] | undefined;

  constructor(
    store: Store & Partial<PlainQueue & PlainDecider>,
    private readonly known: KnownRefusals,
  ) {
    super(store);
    if (store.decidePlain !== undefined) this.behind = store as PlainDecider;
    if (store.enqueue !== undefined)
      this.enqueue = (call) => this.isRefused(call) || (store as PlainQueue).enqueue(call);
  }

  override decide(
    transactions: readonly Transaction[],
    deadline?: Deadline,
  ): Awaitable<readonly TransactionReply[]> {
    if (this.known.size === 0) return this.store.decide(transactions, deadline);
    const at = performance.now();
    const refusals = transactions.map((transaction) => this.known.refusalOf(transaction, at));
    const asked = transactions.filter((_, i) => refusals[i] === undefined);
    if (asked.length === transactions.length) return this.store.decide(transactions, deadline);
    if (asked.length === 0) return refusals as TransactionReply[];
    return chain(this.store.decide(asked, deadline), (replies) => {
      const rest = replies[Symbol.iterator]();
      return refusals.map((refusal) => refusal ?? (rest.next().value as TransactionReply));
    });
  }

  decidePlain(take: PlainTake, key: string): number | undefined {
    const refused = this.known.size === 0 ? undefined : this.refusePlain(take, key);
    if (refused !== undefined || this.behind === undefined) return refused;
    const level = this.behind.decidePlain(take, key);
    if (level !== undefined) this.keepMoment(this.behind.plainAt, this.behind.plainSource);
    return level;
  }

  private refusePlain(take: PlainTake, key: string): number | undefined {
    const at = performance.now();
    const bucket = this.known.find(take, key, at);
    const level = bucket?.levelFor(take, at);
    if (bucket !== undefined && level !== undefined) this.keepMoment(bucket.timeAt(at), bucket.told.source);
    return level;
  }

  private keepMoment(at: number, source: DecisionSource): void {
    this.plainAt = at;
    this.plainSource = source;
  }

  /** Tells a call that it is refused, where it is. */
  private isRefused(call: PlainCall): boolean {
    if (this.known.size === 0) return false;
    const at = performance.now();
    const isKnown = ({ take, key }: BucketTake) => this.known.find(take, key, at) !== undefined;
    if (!isKnown(call) || !call.others.every(isKnown)) return false;
    const refusal = this.known.refusalOf(call, at);
    if (refusal !== undefined) call.replied(refusal);
    return refusal !== undefined;
  }

  override refund(key: string, tokens: number, taken?: TakenAt): Awaitable<boolean> {
    return this.forgetting([key], () => super.refund(key, tokens, taken));
  }

  override undo(changes: readonly Change[]): Awaitable<number> {
    const keys = changes.map(({ key }) => key);
    return this.forgetting(keys, () => super.undo(changes));
  }

  override settle(key: string, actual: Actual): Awaitable<Omit<Settled, 'record'> | undefined> {
    return this.forgetting([key], () => super.settle(key, actual));
  }

  override report(key: string, report: Report): Awaitable<StoreState> {
    return this.forgetting([key], () => super.report(key, report));
  }

  override unblock(key: string): Awaitable<boolean> {
    return this.forgetting([key], () => super.unblock(key));
  }

  override reset(key: string): Awaitable<boolean> {
    return this.forgetting([key], () => super.reset(key));
  }

  override close(): Awaitable<void> {
    this.known.clear();
    return super.close();
  }

  /** At once, for whoever asks behind it, and when it is done: the reply of an earlier take may have come in between. */
  private forgetting<T>(keys: readonly string[], act: () => Awaitable<T>): Awaitable<T> {
    for (const key of keys) this.known.forget(key);
    return chain(act(), (value) => {
      for (const key of keys) this.known.forget(key);
      return value;
    });
  }
}
