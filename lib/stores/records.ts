import { alive, type BucketRecord, rebase } from '../algorithms/record.js';

/** The records of some buckets at one moment, as a step reads and changes them. */
export class Records {
  /** What the step comes to: undefined where a bucket is to be forgotten. */
  readonly writes = new Map<string, BucketRecord | undefined>();

  constructor(
    private readonly stored: ReadonlyMap<string, BucketRecord>,
    readonly now: number,
  ) {}

  /** A record as it stands, whatever it says. */
  raw(key: string): BucketRecord | undefined {
    return this.writes.has(key) ? this.writes.get(key) : this.stored.get(key);
  }

  /** What a record says; undefined where the bucket is full. */
  peek(key: string): BucketRecord | undefined {
    const record = this.raw(key);
    return record && alive(rebase(record, this.now), this.now);
  }

  /** The same. One that lies ahead of the clock is moved back for good, and leases that have expired are settled for good. */
  load(key: string): BucketRecord | undefined {
    const record = this.raw(key);
    if (record !== undefined && record.at > this.now) this.keep(key, rebase(record, this.now));
    const told = this.peek(key);
    if (told !== undefined && told.holds?.length !== record?.holds?.length) this.keep(key, told);
    return told;
  }

  keep(key: string, record: BucketRecord | undefined): void {
    this.writes.set(key, record);
  }
}
