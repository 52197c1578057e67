import type { Limit } from '../algorithms/limit.js';

/** Undefined: unlimited. */
type Answer = Limit | undefined;

interface Entry {
  readonly answer: Promise<Answer>;
  readonly until: number;
}

/** The keys that are remembered at most; beyond, the oldest is asked for again. */
const MAX_KEYS = 10_000;

/** Remembers for a time what the limits of a key are. Those who ask while it is being found out wait for one answer. */
export class LimitsCache {
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly ttlMs: number) {}

  get(key: string, ask: () => Promise<Answer>): Promise<Answer> {
    const now = performance.now();
    const known = this.entries.get(key);
    if (known !== undefined && known.until > now) return known.answer;
    const answer = ask();
    this.entries.delete(key);
    this.entries.set(key, { answer, until: now + this.ttlMs });
    if (this.entries.size > MAX_KEYS) this.entries.delete(this.entries.keys().next().value as string);
    // A failure is nothing to remember.
    answer.catch(() => this.entries.get(key)?.answer === answer && this.entries.delete(key));
    return answer;
  }
}
