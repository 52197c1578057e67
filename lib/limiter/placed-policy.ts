import type { Policy, Shadow } from '../options/policy.js';

/** A policy where it applies: its id names its buckets, decisions and header members. */
export interface PlacedPolicy {
  readonly id: string;
  readonly policy: Policy;
  /** Set where it is evaluated and recorded, but not enforced. */
  readonly shadow?: Exclude<Shadow, false> | undefined;
}
