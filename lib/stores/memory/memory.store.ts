import {
  admits,
  type BucketRecord,
  type Change,
  changesOf,
  fullAt,
  isPromised,
  isSame,
  isStepped,
  levelAt,
  rebase,
  recordWithout,
  waitOf,
} from '../../algorithms/kernel.js';
import type { Ticks } from '../../algorithms/ticks.js';
import type { Store, Transaction, TransactionReply } from '../store.interface.js';
import { BoundedBuckets } from './bounded-buckets.js';
import { type Clock, monotonicClock } from './clock.js';

export interface MemoryStoreOptions {
  /** The most buckets that are kept. */
  readonly maxKeys: number;
  /** The time in microseconds. */
  readonly clock?: Clock;
}

/** Buckets in this process: bounded, without a timer. */
export class MemoryStore implements Store {
  private readonly buckets: BoundedBuckets;
  private readonly clock: Clock;

  constructor({ maxKeys, clock = monotonicClock }: MemoryStoreOptions) {
    this.buckets = new BoundedBuckets(maxKeys);
    this.clock = clock;
  }

  decide(transactions: readonly Transaction[]): TransactionReply[] {
    const now = this.clock();
    return transactions.map((transaction) => this.decideOne(transaction, now));
  }

  refund(key: string, tokens: number): boolean {
    const now = this.clock();
    const record = this.draining(key, now);
    if (record !== undefined && isPromised(record, now)) return false;
    const lowered = record && recordWithout(record, tokens, now);
    if (lowered === undefined) this.buckets.delete(key);
    else this.buckets.set(key, lowered, now);
    return record !== undefined;
  }

  reset(key: string): boolean {
    const wasThere = this.draining(key, this.clock()) !== undefined;
    this.buckets.delete(key);
    return wasThere;
  }

  close(): void {
    this.buckets.clear();
  }

  undo(changes: readonly Change[]): number {
    const now = this.clock();
    const undone = changes.filter(({ key, before, after }) => {
      if (!isSame(this.buckets.get(key), after)) return false;
      if (before === undefined) this.buckets.delete(key);
      else this.buckets.set(key, before, now);
      return true;
    });
    return undone.length;
  }

  private decideOne({ takes, peek, revocable }: Transaction, now: number): TransactionReply {
    const records = takes.map(({ key }) => this.load(key, now));
    const levels = takes.map(({ scale }, i): Ticks => {
      const record = records[i];
      return record === undefined ? 0 : levelAt(record, scale, now);
    });
    const wait = waitOf(takes, levels);
    const admitted = admits(takes, levels, wait);
    const changes = admitted && !peek ? changesOf(takes, levels, wait, now, records) : [];
    for (const { key, after } of changes) this.buckets.set(key, after, now);
    const stepped = !admitted && takes.some((take, i) => isStepped(take, records[i], now));
    const decidedAt = performance.now();
    return { admitted, source: 'memory', decidedAt, levels, stepped, changes: revocable ? changes : [] };
  }

  /** A record may outlive its bucket here, where nothing expires: what is full says no more than absence. */
  private draining(key: string, now: number): BucketRecord | undefined {
    const record = this.load(key, now);
    return record !== undefined && fullAt(record) > now ? record : undefined;
  }

  /** Whoever reads a record that lies ahead of the clock moves it back, even when nothing is taken. */
  private load(key: string, now: number): BucketRecord | undefined {
    const record = this.buckets.get(key);
    if (record === undefined || record.at <= now) return record;
    const moved = rebase(record, now);
    this.buckets.set(key, moved, now);
    return moved;
  }
}
