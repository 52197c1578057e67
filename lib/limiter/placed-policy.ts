import type { Policy } from '../options/policy.js';

/** A policy where it applies: its id names its buckets, decisions and header members. */
export interface PlacedPolicy {
  readonly id: string;
  readonly policy: Policy;
}
