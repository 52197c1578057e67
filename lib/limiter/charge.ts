import type { Hold } from '../algorithms/kernel.js';
import type { Limit, Patience } from '../algorithms/limit.js';
import type { PlacedPolicy } from './placed-policy.js';

/** A bucket by its policy and by who is limited. */
export interface Bucket {
  readonly placed: PlacedPolicy;
  readonly key: string;
  /** Its numbers, where the policy does not fix them. */
  readonly limit?: Limit | undefined;
}

/** What one limit is asked for: tokens from a bucket. */
export interface Charge extends Bucket {
  readonly cost: number;
  /** Set where the caller waits for its turn. */
  readonly patience?: Patience;
  /** Set where the cost is an estimate, to be settled later. */
  readonly reserve?: Hold | undefined;
}

/** The numbers of a bucket. Whoever asks for one of a policy that does not fix them has to say them. */
export function limitOf({ limit, placed }: Bucket): Limit {
  return limit ?? (placed.policy.limit as Limit);
}
