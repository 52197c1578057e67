/** The outcome of a limit for one request. */
export interface Decision {
  /** Whether this limit lets the request pass. Among several limits, all must. In shadow mode it always does. */
  readonly allowed: boolean;
  /** The policy's name, or the place where a policy without a name stands, as `ChatController.ask`. */
  readonly policy: string;
  /** Who is limited. */
  readonly key: string;
  /** The capacity. */
  readonly limit: number;
  /** Whole tokens (or places) left, rounded down. */
  readonly remaining: number;
  /** After how long the same request would pass, in milliseconds rounded up: 0 if allowed, null if never. */
  readonly retryAfterMs: number | null;
  /** After how long the bucket is full again, in milliseconds rounded up. */
  readonly resetAfterMs: number;
  /** How long the request waits for its turn, in milliseconds rounded up. */
  readonly delayMs: number;
  /**
   * Who has decided: the store, or, where that could not be asked, what `onStoreError` says. So `memory` beside Redis is a
   * bucket of this process, `allow` no bucket at all, and `deny` refuses because nothing is known.
   */
  readonly source: 'redis' | 'custom' | 'memory' | 'allow' | 'deny';
  /** Only of a policy in shadow mode: what it would have decided. The numbers above are those of this evaluation. */
  readonly shadow?: 'admitted' | 'refused';
}

/** The outcome of several limits together: all or nothing. */
export interface CombinedDecision {
  readonly allowed: boolean;
  /** One decision for each limit, in the order asked. */
  readonly decisions: readonly Decision[];
  /** The one that matters most to the caller: see {@link tightest}. */
  readonly tightest: Decision;
}

/**
 * The refusal that lasts longest; where nothing refuses, the limit with the least left, then the slowest to refill. What
 * is enforced comes before what is in shadow mode.
 */
export function tightest(decisions: readonly Decision[]): Decision | undefined {
  let found: Decision | undefined;
  for (const decision of decisions) {
    if (found === undefined || isTighter(decision, found)) found = decision;
  }
  return found;
}

/** The refusal that ends first, for a caller that takes any of them. */
export function soonest(decisions: readonly Decision[]): Decision | undefined {
  let found: Decision | undefined;
  for (const decision of decisions) {
    if (found === undefined || retryAfter(decision) < retryAfter(found)) found = decision;
  }
  return found;
}

/** Refusals in the order in which they end; those that never do come last. */
export function soonestFirst(refusals: readonly Decision[]): Decision[] {
  // Two that never end are equal: a comparison of NaN counts as that.
  return [...refusals].sort((a, b) => retryAfter(a) - retryAfter(b));
}

/** Whether something was refused because the store could not be asked, and not because a limit was reached. */
export const isUnknown = (decisions: readonly Decision[]): boolean =>
  decisions.some(({ allowed, source }) => !allowed && source === 'deny');

function isTighter(a: Decision, b: Decision): boolean {
  if (isShadow(a) !== isShadow(b)) return isShadow(b);
  if (refuses(a) !== refuses(b)) return refuses(a);
  if (refuses(a)) return retryAfter(a) > retryAfter(b);
  return a.remaining === b.remaining ? a.resetAfterMs > b.resetAfterMs : a.remaining < b.remaining;
}

const isShadow = ({ shadow }: Decision): boolean => shadow !== undefined;

const refuses = ({ allowed, shadow }: Decision): boolean => !allowed || shadow === 'refused';

const retryAfter = ({ retryAfterMs }: Decision): number => retryAfterMs ?? Number.POSITIVE_INFINITY;
