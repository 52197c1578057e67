import type { Limit } from '../algorithms/limit.js';
import type { Mark } from '../algorithms/record.js';
import type { Charge } from './charge.js';
import type { Decision } from './decision.js';
import type { Judgement, Outcome } from './judgement.js';

/**
 * A decision that remembers what it has taken: the cost, so that the same can be asked for again, and where that stands in
 * the count of the bucket, so that a report can say which request it answers. Users do not see it, and a copy is without.
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

  constructor(decision: Decision, { cost, limit }: Charge, mark: Mark | undefined) {
    this.allowed = decision.allowed;
    this.policy = decision.policy;
    this.key = decision.key;
    this.limit = decision.limit;
    this.remaining = decision.remaining;
    this.retryAfterMs = decision.retryAfterMs;
    this.resetAfterMs = decision.resetAfterMs;
    this.delayMs = decision.delayMs;
    this.source = decision.source;
    if (decision.shadow !== undefined) this.shadow = decision.shadow;
    this.#cost = cost;
    this.#limit = limit;
    this.#mark = mark;
  }

  /** The decisions of a transaction, in the order of its charges. */
  static all(charges: readonly Charge[], { outcomes, marks }: Judgement): TakenDecision[] {
    return charges.map((charge, i) => {
      const { decision } = outcomes[i] as Outcome;
      return new TakenDecision(decision, charge, marks[i]);
    });
  }

  /** What was asked of its bucket. */
  static takenBy(decision: TakenDecision): Pick<Charge, 'cost' | 'limit'> {
    return { cost: decision.#cost, limit: decision.#limit };
  }

  static markOf(decision: Decision): Mark | undefined {
    return #mark in decision ? decision.#mark : undefined;
  }
}
