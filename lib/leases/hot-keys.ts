import type { Take } from '../algorithms/kernel.js';
import type { LeaseTerms } from '../algorithms/lease-terms.js';

/** Over how long it is counted how often a key is asked for, in milliseconds. */
const WINDOW_MS = 250;

interface Count {
  tokens: number;
  since: number;
}

/** Finds the keys that are asked for often. The one that was counted first goes where there are too many. */
export class HotKeys {
  private readonly counts = new Map<string, Count>();

  constructor(private readonly most: number) {}

  /** Counts a take. Answers how many tokens a millisecond its key is asked for, where that is enough; else 0. */
  count({ key, cost, lease }: Take, now: number): number {
    const count = this.counts.get(key);
    if (count === undefined || now - count.since > WINDOW_MS) {
      this.begin(key, cost, now);
      return 0;
    }
    count.tokens += cost;
    if (count.tokens * 1000 < (lease as LeaseTerms).perSecond * WINDOW_MS) return 0;
    return count.tokens / Math.max(now - count.since, 1);
  }

  /** Counts anew. */
  forget(key: string): void {
    this.counts.delete(key);
  }

  clear(): void {
    this.counts.clear();
  }

  private begin(key: string, tokens: number, since: number): void {
    this.counts.delete(key);
    this.counts.set(key, { tokens, since });
    if (this.counts.size > this.most) this.counts.delete(this.counts.keys().next().value as string);
  }
}
