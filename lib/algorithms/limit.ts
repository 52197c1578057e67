import type { Take } from './kernel.js';
import type { LeaseTerms } from './lease-terms.js';
import type { Scale, Ticks } from './ticks.js';

/** The numbers of a policy as the kernel needs them. */
export interface Limit {
  readonly algorithm: 'token-bucket' | 'leaky-bucket';
  readonly capacity: number;
  readonly scale: Scale;
  /** A leaky bucket that makes requests wait their turn. */
  readonly shapes: boolean;
  /** The longest wait that a shaping bucket admits, in microseconds. */
  readonly maxWaitMicros?: number;
  /** Set where processes may take tokens ahead. */
  readonly lease?: LeaseTerms | undefined;
}

/** What one bucket answers, all of it derived from the level that the store found. */
export interface Reading {
  /** Whether this bucket admits the take; the transaction needs all of them. */
  readonly fits: boolean;
  /** The level after the transaction, in ticks of the policy. */
  readonly level: Ticks;
  /** Microseconds for which nothing starts. */
  readonly block: number;
  /** Whole tokens that can be taken now, rounded down. */
  readonly remaining: number;
  /** 0 where the take fits, null where it never can; rounded up. */
  readonly retryAfterMs: number | null;
  /** Time until the bucket is full, rounded up. */
  readonly resetAfterMs: number;
  /** How long the start of an admitted take lies ahead, rounded up. */
  readonly delayMs: number;
}

/** What a transaction has come to for one of its buckets. */
export interface Share {
  /** Whether the bucket was charged. */
  readonly charged: boolean;
  /** Microseconds until the start that it shares with the others. */
  readonly wait: Ticks;
  /** Microseconds to add to the wait of a refusal: see `stepTime`. */
  readonly margin: number;
}

/** A caller that waits for its turn where it has to, up to a bound in microseconds. */
export interface Patience {
  readonly maxWaitMicros?: number;
}

/** How an algorithm asks the kernel. The answer reads the same for all: `readLevel`. */
export type Algorithm = (limit: Limit, key: string, cost: number, patience?: Patience) => Take;
