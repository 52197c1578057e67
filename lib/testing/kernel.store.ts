import type { BucketRecord } from '../algorithms/record.js';
import type { Clock } from '../stores/memory/clock.js';
import { RecordStore, type Work } from '../stores/record.store.js';

/** The kernel over an unbounded map: what every store is compared with. */
export class KernelStore extends RecordStore {
  protected override readonly source = 'memory';
  private readonly records = new Map<string, BucketRecord>();
  private readonly limits = new Map<string, string>();

  constructor(private readonly clock: Clock) {
    super();
  }

  override bucketsOf(policy: string): string[] {
    return [...this.records.keys()].filter((key) => key.startsWith(`${policy}:{`));
  }

  override readLimits(): ReadonlyMap<string, string> {
    return new Map(this.limits);
  }

  override writeLimits(policy: string, text: string): void {
    this.limits.set(policy, text);
  }

  override deleteLimits(policy: string): boolean {
    return this.limits.delete(policy);
  }

  override close(): void {
    this.records.clear();
  }

  protected override step<T>(keys: readonly string[], work: Work<T>): T {
    const stored = keys.flatMap((key) => {
      const record = this.records.get(key);
      return record === undefined ? [] : ([[key, record]] as const);
    });
    const { answer, writes } = work(new Map(stored), this.clock());
    for (const [key, record] of writes) this.write(key, record);
    return answer;
  }

  protected write(key: string, record: BucketRecord | undefined): void {
    if (record === undefined) this.records.delete(key);
    else this.records.set(key, record);
  }

  protected forget(which: (key: string) => boolean): void {
    for (const key of [...this.records.keys()].filter(which)) this.records.delete(key);
  }
}
