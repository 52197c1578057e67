import type { Limit } from '../../../lib/algorithms/limit.js';

/** What was really spent, and when: nothing of how a bucket is kept is shared with the library. */
export class Spends {
  private readonly all: { readonly at: number; readonly tokens: number }[] = [];

  get tokens(): number {
    return this.all.reduce((sum, { tokens }) => sum + tokens, 0);
  }

  add(at: number, tokens: number): void {
    if (tokens > 0) this.all.push({ at, tokens });
  }

  /**
   * By how many tokens the worst window has more than capacity + rate × window, of the largest capacity and the fastest rate
   * that were in force; 0 where none has.
   */
  excess(limits: readonly Limit[]): number {
    const capacity = Math.max(...limits.map((limit) => limit.capacity));
    const perMicro = Math.max(...limits.map(({ scale }) => scale.ticksPerMicro / scale.ticksPerToken));
    let [level, at, worst] = [0, 0, 0];
    for (const spend of [...this.all].sort((a, b) => a.at - b.at)) {
      level = Math.max(0, level - perMicro * (spend.at - at)) + spend.tokens;
      at = spend.at;
      worst = Math.max(worst, level - capacity);
    }
    // Sums of fractions are off by a few units in the last place.
    return worst < 1e-6 ? 0 : worst;
  }
}
