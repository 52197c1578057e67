import {
  add,
  ceil,
  compare,
  divide,
  floor,
  max,
  multiply,
  type Rational,
  subtract,
  whole,
  ZERO,
} from './oracle/rational.js';

/** What a provider answers to one request. */
export interface Served {
  readonly allowed: boolean;
  readonly remaining: number;
  readonly retryAfterMs?: number;
}

/** A provider with a quota of its own: a token bucket in exact fractions, by its own clock in microseconds. */
export class Provider {
  private missing: Rational = ZERO;
  private at = 0;

  constructor(
    private readonly capacity: number,
    /** Tokens per microsecond. */
    private readonly rate: Rational,
  ) {}

  serve(now: number, cost: number): Served {
    const elapsed = whole(Math.max(0, now - this.at));
    this.missing = max(ZERO, subtract(this.missing, multiply(this.rate, elapsed)));
    this.at = Math.max(this.at, now);
    const after = add(this.missing, whole(cost));
    const excess = subtract(after, whole(this.capacity));
    if (compare(excess, ZERO) <= 0) this.missing = after;
    const remaining = Number(floor(subtract(whole(this.capacity), this.missing)));
    if (compare(excess, ZERO) <= 0) return { allowed: true, remaining };
    return {
      allowed: false,
      remaining,
      retryAfterMs: Number(ceil(divide(excess, multiply(this.rate, whole(1000))))),
    };
  }
}
