/** What the provider grants each token: so much at once, and so much per second in the long run. */
export const CAPACITY = 40;
export const PER_SECOND = 20;

const MICROS_PER_REQUEST = 1e6 / PER_SECOND;
const MICROS_WHEN_EMPTY = CAPACITY * MICROS_PER_REQUEST;

/** What the quota answers to a request. Times are in microseconds. */
export interface Answer {
  readonly allowed: boolean;
  /** Requests left, rounded down. */
  readonly remaining: number;
  /** Until it is full again. */
  readonly resetMicros: number;
  /** Until one request is left; 0 where it was allowed. */
  readonly retryMicros: number;
}

/** An exact token bucket: what it keeps is how long it takes to be full. Times are whole microseconds. */
export class Quota {
  private missing = 0;
  private at = 0;

  /** Counts a request that arrives now. One too many is not counted. */
  take(now: number): Answer {
    this.missing = Math.max(0, this.missing - (now - this.at));
    this.at = now;
    const retryMicros = Math.max(0, this.missing + MICROS_PER_REQUEST - MICROS_WHEN_EMPTY);
    const allowed = retryMicros === 0;
    if (allowed) this.missing += MICROS_PER_REQUEST;
    const remaining = Math.floor((MICROS_WHEN_EMPTY - this.missing) / MICROS_PER_REQUEST);
    return { allowed, remaining, resetMicros: this.missing, retryMicros };
  }
}
