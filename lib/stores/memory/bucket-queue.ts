import { type BucketRecord, endOf } from '../../algorithms/record.js';

/** A bucket that is kept. It stands in one queue at a time, which it can leave from anywhere. */
export class KeptBucket {
  rank = 0;
  /** When it is full, and not blocked. */
  end: number;
  previous: KeptBucket | undefined = undefined;
  next: KeptBucket | undefined = undefined;

  constructor(
    readonly key: string,
    public record: BucketRecord,
    /** How many tokens it holds. */
    public room: number,
  ) {
    this.end = endOf(record);
  }

  write(record: BucketRecord, room = this.room): void {
    this.record = record;
    this.room = room;
    this.end = endOf(record);
  }
}

/** Buckets in the order in which they came. */
export class BucketQueue {
  first: KeptBucket | undefined;
  private last: KeptBucket | undefined;

  push(bucket: KeptBucket): void {
    bucket.previous = this.last;
    if (this.last === undefined) this.first = bucket;
    else this.last.next = bucket;
    this.last = bucket;
  }

  remove(bucket: KeptBucket): void {
    const { previous, next } = bucket;
    if (previous === undefined) this.first = next;
    else previous.next = next;
    if (next === undefined) this.last = previous;
    else next.previous = previous;
    bucket.previous = undefined;
    bucket.next = undefined;
  }

  clear(): void {
    this.first = undefined;
    this.last = undefined;
  }

  /** The first ones, at most so many. */
  head(most: number): KeptBucket[] {
    const found: KeptBucket[] = [];
    for (let bucket = this.first; bucket && found.length < most; bucket = bucket.next) found.push(bucket);
    return found;
  }
}
