import type { BucketRecord } from '../../algorithms/record.js';
import { BucketQueue, KeptBucket } from './bucket-queue.js';
import { RANKS, rankOf } from './bucket-rank.js';

/** How many buckets of the lowest rank are looked at to make room for one. */
const HAND = 16;

/**
 * A map of at most `maxKeys` buckets. To make room it drops those that are full (absence means full, so nothing is lost).
 * Where all that it looks at still drain, one of the lowest rank goes: the one that is full soonest.
 *
 * A rank only falls while nobody writes the bucket, so the queue that it stands in says the highest that it may have. Hence a
 * bucket that is blocked, or refuses, goes only where all the others did as well when they were looked at last.
 */
export class BoundedBuckets {
  private readonly buckets = new Map<string, KeptBucket>();
  /** By rank, in the order in which they were written or looked at. */
  private readonly queues = Array.from({ length: RANKS }, () => new BucketQueue());
  private readonly falling = this.queues.slice(1);

  constructor(private readonly maxKeys: number) {}

  get size(): number {
    return this.buckets.size;
  }

  get(key: string): BucketRecord | undefined {
    return this.buckets.get(key)?.record;
  }

  /** `room` is how many tokens the bucket holds; by default as before, and what is not known yet counts as used up. */
  set(key: string, record: BucketRecord, now: number, room?: number): void {
    const known = this.buckets.get(key);
    if (known === undefined) {
      if (this.buckets.size >= this.maxKeys) this.makeRoom(now);
      const bucket = new KeptBucket(key, record, room ?? 0);
      this.buckets.set(key, bucket);
      this.queue(bucket, now);
    } else {
      this.leave(known);
      known.write(record, room);
      this.queue(known, now);
    }
  }

  delete(key: string): boolean {
    const bucket = this.buckets.get(key);
    if (bucket !== undefined) this.drop(bucket);
    return bucket !== undefined;
  }

  /** A look at all of them: for administration only. */
  namesWith(start: string): string[] {
    return [...this.buckets.keys()].filter((name) => name.startsWith(start));
  }

  clear(): void {
    this.buckets.clear();
    for (const queue of this.queues) queue.clear();
  }

  private makeRoom(now: number): void {
    const { size } = this.buckets;
    // One of each rank that can fall, or what has drained in a high one would stay there and others would go for it.
    for (const { first } of this.falling) if (first !== undefined) this.look(first, now);
    const lowest = this.queues.find(({ first }) => first !== undefined);
    const looked = lowest?.head(HAND).filter((bucket) => this.look(bucket, now)) ?? [];
    const least = looked.reduce((a, b) => (isLess(b, a) ? b : a), looked[0]);
    if (this.buckets.size === size && least !== undefined) this.drop(least);
  }

  /** Drops a bucket that is full; another goes to the end of its line, so that the next search looks at others. */
  private look(bucket: KeptBucket, now: number): boolean {
    if (bucket.end <= now) {
      this.drop(bucket);
      return false;
    }
    this.leave(bucket);
    this.queue(bucket, now);
    return true;
  }

  private queue(bucket: KeptBucket, now: number): void {
    bucket.rank = rankOf(bucket.record, bucket.room, now);
    this.queues[bucket.rank]?.push(bucket);
  }

  private leave(bucket: KeptBucket): void {
    this.queues[bucket.rank]?.remove(bucket);
  }

  private drop(bucket: KeptBucket): void {
    this.leave(bucket);
    this.buckets.delete(bucket.key);
  }
}

function isLess(a: KeptBucket, b: KeptBucket): boolean {
  return a.rank === b.rank ? a.end < b.end : a.rank < b.rank;
}
