/** How a process takes tokens of a bucket ahead, to spend them without asking. */
export interface LeaseTerms {
  /** For how long, in milliseconds. */
  readonly ttlMs: number;
  /** The most tokens that a process holds at a time; undefined: a quarter of the capacity. */
  readonly tokens: number | undefined;
  /** How many tokens a process is asked for in a second where it takes them ahead. */
  readonly perSecond: number;
}
