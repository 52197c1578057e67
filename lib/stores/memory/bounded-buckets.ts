import { type BucketRecord, endOf } from '../../algorithms/record.js';

/** How many of the longest unwritten buckets are looked at to make room for one. */
const HAND = 16;

/**
 * A map of at most `maxKeys` buckets in the order of their last write. To make room it drops those that are full
 * (absence means full, so nothing is lost); where all that it looks at still drain, the one that is full soonest goes.
 */
export class BoundedBuckets {
  private readonly records = new Map<string, BucketRecord>();

  constructor(private readonly maxKeys: number) {}

  get size(): number {
    return this.records.size;
  }

  get(key: string): BucketRecord | undefined {
    return this.records.get(key);
  }

  set(key: string, record: BucketRecord, now: number): void {
    if (!this.records.delete(key) && this.records.size >= this.maxKeys) this.makeRoom(now);
    this.records.set(key, record);
  }

  delete(key: string): boolean {
    return this.records.delete(key);
  }

  /** A look at all of them: for administration only. */
  namesWith(start: string): string[] {
    return [...this.records.keys()].filter((name) => name.startsWith(start));
  }

  clear(): void {
    this.records.clear();
  }

  private makeRoom(now: number): void {
    let soonest: string | undefined;
    let soonestAt = Number.POSITIVE_INFINITY;
    let dropped = false;
    for (const [key, record] of this.oldest()) {
      const full = endOf(record);
      this.records.delete(key);
      if (full <= now) {
        dropped = true;
        continue;
      }
      // Looked at and kept: to the end of the line, so that the next search looks at others.
      this.records.set(key, record);
      if (full < soonestAt) [soonest, soonestAt] = [key, full];
    }
    if (!dropped && soonest !== undefined) this.records.delete(soonest);
  }

  private oldest(): [string, BucketRecord][] {
    const found: [string, BucketRecord][] = [];
    for (const entry of this.records) {
      if (found.push(entry) === HAND) break;
    }
    return found;
  }
}
