import {
  admits,
  type BucketRecord,
  fallsInSteps,
  fullAt,
  levelAt,
  rebase,
  recordAfter,
  recordWithout,
  type Take,
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

  private decideOne({ takes, peek }: Transaction, now: number): TransactionReply {
    const levels: Ticks[] = takes.map(({ key, scale }) => {
      const record = this.load(key, now);
      return record === undefined ? 0 : levelAt(record, scale, now);
    });
    const wait = waitOf(takes, levels);
    const admitted = admits(takes, levels, wait);
    if (admitted && !peek) {
      takes.forEach((take, i) => {
        if (take.add > 0) this.buckets.set(take.key, recordAfter(take, levels[i] as Ticks, wait, now), now);
      });
    }
    const stepped = !admitted && takes.some((take) => this.isStepped(take, now));
    return { admitted, source: 'memory', levels, stepped };
  }

  private isStepped({ key, scale, shapes }: Take, now: number): boolean {
    const record = shapes ? this.buckets.get(key) : undefined;
    return record !== undefined && fallsInSteps(record, scale, now);
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
