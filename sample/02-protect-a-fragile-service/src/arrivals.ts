export const WINDOW_MS = 1000;

/** Ten requests a second, and three more that lateness may push into the same second: see README.md. */
export const MOST_IN_WINDOW = 13;

/** Half of what lies between two requests at ten a second. */
export const CLOSE_MS = 50;

/** The requests that reached the service, and whether it could bear them. Refused ones have arrived too. */
export class Arrivals {
  private readonly recent: number[] = [];
  private served = 0;
  private refused = 0;
  private busiestSecond = 0;
  private close = 0;
  private closestGapMs: number | null = null;

  /** Counts a request that arrives now, in milliseconds of a monotonic clock; `false`: one too many. */
  add(now: number): boolean {
    const last = this.recent.at(-1);
    if (last !== undefined) this.addGap(now - last);
    while (this.recent.length > 0 && this.recent[0]! <= now - WINDOW_MS) this.recent.shift();
    this.recent.push(now);
    this.busiestSecond = Math.max(this.busiestSecond, this.recent.length);
    const bearable = this.recent.length <= MOST_IN_WINDOW;
    if (bearable) this.served++;
    else this.refused++;
    return bearable;
  }

  /** `close`: how many came within `CLOSE_MS` of the one before. `closestGapMs` is null before the second request. */
  stats() {
    const { served, refused, busiestSecond, close, closestGapMs } = this;
    return { served, refused, busiestSecond, close, closestGapMs };
  }

  private addGap(gap: number): void {
    if (gap < CLOSE_MS) this.close++;
    this.closestGapMs = Math.min(this.closestGapMs ?? Infinity, gap);
  }
}
