import type { Unreached } from './reach-check.js';

/** What the one pass of the boot has found, for the log and for `RateLimitAdmin.explain`. */
export class BootReport {
  /** Whether the pass is over. */
  isComplete = false;
  readonly warnings: string[] = [];
  unreached: readonly Unreached[] = [];
}
