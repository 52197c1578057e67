import type { Mark } from '../algorithms/record.js';
import type { Decision } from './decision.js';

/**
 * A decision that remembers where its take stands in the count of the bucket, so that a report can say which request it
 * answers. It is no part of what users see: a copy is a decision without it.
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
  readonly source: 'memory' | 'redis';
  readonly #mark: Mark | undefined;

  constructor(decision: Decision, mark: Mark | undefined) {
    this.allowed = decision.allowed;
    this.policy = decision.policy;
    this.key = decision.key;
    this.limit = decision.limit;
    this.remaining = decision.remaining;
    this.retryAfterMs = decision.retryAfterMs;
    this.resetAfterMs = decision.resetAfterMs;
    this.delayMs = decision.delayMs;
    this.source = decision.source;
    this.#mark = mark;
  }

  static markOf(decision: Decision): Mark | undefined {
    return #mark in decision ? decision.#mark : undefined;
  }
}
