import type { Limit, Reading } from '../algorithms/limit.js';
import type { Mark } from '../algorithms/record.js';
import type { Charge } from './charge.js';
import type { Decision } from './decision.js';

/** What a judgement says of the bucket that it has taken from. */
export interface LeftBy {
  readonly limit: Limit;
  readonly level: Reading['level'];
  /** In microseconds of the store's clock. */
  readonly slot: number;
}

/**
 * A decision that remembers what it has taken: the cost, so that the same can be asked for again, and where that stands in
 * the count of the bucket, or how it has left it, so that a report can say which request it answers. Users do not see it, and a copy is without.
 */
export class TakenDecision implements Decision {
  readonly allowed: boolean;
  readonly policy: string;
  readonly key: string;
  readonly limit: number;
  readonly remaining: number;
  readonly retryAfterMs: number | null;
  readonly resetAfterMs: number;
  readonly delayMs: number;
  readonly source: Decision['source'];
  // Not defined where there is none: a decision that is enforced has no such property.
  declare readonly shadow?: 'admitted' | 'refused';
  readonly #cost: number;
  readonly #limit: Limit | undefined;
  readonly #mark: Mark | undefined;
  readonly #left: LeftBy | undefined;

  /**
   * `limit` is what it was decided by, which is not what was asked where the store could not be. `left` is set where
   * something was taken in the store.
   */
  constructor(
    asked: Charge,
    limit: Limit,
    reading: Reading,
    source: Decision['source'],
    mark?: Mark,
    left?: LeftBy,
  ) {
    const { placed } = asked;
    this.allowed = placed.shadow !== undefined || reading.fits;
    this.policy = placed.id;
    this.key = asked.key;
    this.limit = limit.capacity;
    this.remaining = reading.remaining;
    this.retryAfterMs = reading.retryAfterMs;
    this.resetAfterMs = reading.resetAfterMs;
    this.delayMs = reading.delayMs;
    this.source = source;
    if (placed.shadow !== undefined) this.shadow = reading.fits ? 'admitted' : 'refused';
    this.#cost = asked.cost;
    this.#limit = asked.limit;
    this.#mark = mark;
    this.#left = left;
  }

  /** What was asked of its bucket. */
  static takenBy(decision: TakenDecision): Pick<Charge, 'cost' | 'limit'> {
    return { cost: decision.#cost, limit: decision.#limit };
  }

  static markOf(decision: Decision): Mark | undefined {
    return #mark in decision ? decision.#mark : undefined;
  }

  /** How its bucket was left, in the store's own time. */
  static leftOf(decision: Decision): LeftBy | undefined {
    return #left in decision ? decision.#left : undefined;
  }
}
