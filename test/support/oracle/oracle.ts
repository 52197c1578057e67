import {
  add,
  ceil,
  compare,
  divide,
  floor,
  max,
  min,
  multiply,
  type Rational,
  subtract,
  whole,
  ZERO,
} from './rational.js';

/** `tokens` per `micros` microseconds, in lowest terms; one token is `micros` ticks. */
export interface OraclePolicy {
  readonly capacity: number;
  readonly tokens: bigint;
  readonly micros: bigint;
  /** A leaky bucket that makes its requests wait. */
  readonly shapes: boolean;
  readonly maxWaitMicros?: number;
}

export interface OracleEntry {
  readonly key: string;
  readonly policy: OraclePolicy;
  readonly cost: number;
}

export interface EntryResult {
  /** This entry fits; the operation is admitted when every entry does. */
  readonly allowed: boolean;
  /** In ticks of the reader's policy. Exact, and past 2^53 after some changes of policy. */
  readonly level: bigint;
  readonly remaining: number;
  readonly retryAfterMs: number | null;
  readonly resetAfterMs: number;
  readonly delayMs: number;
}

export interface OracleDecision {
  readonly allowed: boolean;
  readonly entries: EntryResult[];
}

/** What is known of a bucket: its level in tokens, when that was, and the rate that wrote it. */
export interface Stored {
  readonly level: Rational;
  readonly at: bigint;
  readonly tokens: bigint;
  readonly micros: bigint;
  /** The latest start that was promised. */
  readonly last?: bigint;
}

interface Read {
  readonly entry: OracleEntry;
  readonly level: Rational;
  readonly raised: Rational;
  readonly allowance: Rational;
  readonly fits: boolean;
}

/**
 * The rules of a bucket in exact fractions of a token, one operation after another. Nothing here is fast,
 * rounded or shared with the library, and no record ever expires.
 */
export class Oracle {
  private readonly records = new Map<string, Stored>();

  take(now: bigint, entries: readonly OracleEntry[], options: { peek?: boolean } = {}): OracleDecision {
    const levels = entries.map((entry) => levelFor(entry.policy, this.rebased(entry.key, now), now));
    const wait = sharedWait(entries, levels);
    const margin = stepMargin(entries, (key) => this.records.get(key), now);
    const reads = entries.map((entry, index) => read(entry, levels[index], wait));
    const allowed = reads.every(({ fits }) => fits);
    if (allowed && options.peek !== true) this.admit(now, reads, wait);
    return { allowed, entries: reads.map((entry) => report(entry, allowed, wait, margin)) };
  }

  /** Dropped on a bucket that shapes, and where a start lies ahead: places already promised do not move. */
  refund(now: bigint, key: string, policy: OraclePolicy, cost: number): void {
    if (policy.shapes || cost === 0 || !this.records.has(key)) return;
    const stored = this.rebased(key, now);
    if (stored === undefined || (stored.last ?? now) > now) return;
    const level = subtract(stored.level, whole(cost));
    const emptied = compare(level, drained(stored, now - stored.at)) <= 0;
    if (emptied) this.records.delete(key);
    else this.records.set(key, { ...stored, level });
  }

  reset(key: string): void {
    this.records.delete(key);
  }

  stored(key: string): Stored | undefined {
    return this.records.get(key);
  }

  /** A record ahead of the clock is moved back to it, so that it neither gains tokens nor freezes. */
  private rebased(key: string, now: bigint): Stored | undefined {
    const stored = this.records.get(key);
    if (stored === undefined || stored.at <= now) return stored;
    const { last } = stored;
    const moved = { ...stored, at: now, last: last === undefined ? undefined : last - (stored.at - now) };
    this.records.set(key, moved);
    return moved;
  }

  private admit(now: bigint, reads: readonly Read[], wait: bigint): void {
    for (const { entry, raised } of reads) {
      if (entry.cost === 0) continue;
      const { tokens, micros, shapes } = entry.policy;
      const promised = this.records.get(entry.key)?.last ?? 0n;
      const start = shapes ? promisedAt(now + wait) : 0n;
      const last = start > promised ? start : promised;
      this.records.set(entry.key, { level: add(raised, whole(entry.cost)), at: now, tokens, micros, last });
    }
  }
}

/** Starts behind the largest value that is kept are not told apart. */
export function promisedAt(start: bigint): bigint {
  const most = BigInt(Number.MAX_SAFE_INTEGER);
  return start < most ? start : most;
}

export function levelFor(policy: OraclePolicy, stored: Stored | undefined, now: bigint): Rational {
  if (stored === undefined) return ZERO;
  const elapsed = now - stored.at;
  const byWriter = drained(stored, elapsed);
  // A record past its full time is worth none, whoever reads it: expiry may not change a decision.
  if (compare(stored.level, byWriter) <= 0) return ZERO;
  const counted = (level: Rational) => (policy.micros === stored.micros ? level : whole(ceil(level)));
  if (compare(rate(policy), rate(stored)) <= 0) return counted(subtract(stored.level, byWriter));
  // What was promised was promised by the writer's rate: a faster reader's counts from there.
  const { at, last = at } = stored;
  const from = last > at ? last : at;
  const then = counted(notBelowZero(subtract(stored.level, drained(stored, from - at))));
  return notBelowZero(subtract(then, drained(policy, now - from)));
}

/**
 * A level written at a faster rate in other ticks falls by whole tokens. Where such a bucket shapes, the time of one
 * token of the slowest shaping entry is added to what a refused client is told.
 */
export function stepMargin(
  entries: readonly OracleEntry[],
  recordOf: (key: string) => Stored | undefined,
  now: bigint,
): bigint {
  const shaping = entries.filter(({ policy }) => policy.shapes);
  const stepped = shaping.some(({ key, policy }) => {
    const stored = recordOf(key);
    if (stored === undefined || stored.micros === policy.micros) return false;
    const left = subtract(stored.level, drained(stored, now - stored.at));
    return compare(left, ZERO) > 0 && compare(rate(policy), rate(stored)) < 0;
  });
  return stepped
    ? shaping.map(({ policy }) => microsToDrain(whole(1), policy)).reduce((a, b) => (a > b ? a : b))
    : 0n;
}

/** Microseconds until the latest slot among the entries that shape: they all start then. */
function sharedWait(entries: readonly OracleEntry[], levels: readonly Rational[]): bigint {
  let wait = 0n;
  for (const [index, { policy }] of entries.entries()) {
    const own = policy.shapes ? microsToDrain(levels[index], policy) : 0n;
    if (own > wait) wait = own;
  }
  return wait;
}

function read(entry: OracleEntry, level: Rational, wait: bigint): Read {
  const { policy, cost } = entry;
  // A bucket whose own slot is the shared start is not raised: rounded up to a microsecond it would lose places.
  const earlier = policy.shapes && microsToDrain(level, policy) < wait;
  const raised = earlier ? drained(policy, wait) : level;
  const allowance = highestLevel(policy, cost);
  return { entry, level, raised, allowance, fits: compare(raised, allowance) <= 0 };
}

/** The highest level at which this cost is still admitted; negative where it never is. */
function highestLevel(policy: OraclePolicy, cost: number): Rational {
  const free = subtract(whole(policy.capacity), whole(cost));
  if (!policy.shapes || policy.maxWaitMicros === undefined) return free;
  return min(free, drained(policy, BigInt(policy.maxWaitMicros)));
}

function report(found: Read, admitted: boolean, wait: bigint, margin: bigint): EntryResult {
  const { policy, cost } = found.entry;
  const level = admitted ? add(found.raised, whole(cost)) : found.level;
  const remaining = floor(subtract(whole(policy.capacity), level));
  return {
    allowed: found.fits,
    level: ticks(level, policy),
    remaining: Number(remaining > 0n ? remaining : 0n),
    retryAfterMs: retryAfterMs(found, margin),
    resetAfterMs: toMs(microsToDrain(level, policy)),
    delayMs: admitted && policy.shapes ? toMs(wait) : 0,
  };
}

function retryAfterMs({ entry, raised, allowance, fits }: Read, margin: bigint): number | null {
  if (fits) return 0;
  if (entry.cost > entry.policy.capacity) return null;
  return toMs(microsToDrain(subtract(raised, allowance), entry.policy) + margin);
}

export function ticks(level: Rational, policy: OraclePolicy): bigint {
  const exact = multiply(level, whole(policy.micros));
  if (exact.den !== 1n) throw new Error(`${level.num}/${level.den} tokens are no whole number of ticks`);
  return exact.num;
}

/** Tokens that leave in this time. */
export function drained(by: Pick<OraclePolicy, 'tokens' | 'micros'>, micros: bigint): Rational {
  return multiply(rate(by), whole(micros));
}

export function microsToDrain(level: Rational, by: Pick<OraclePolicy, 'tokens' | 'micros'>): bigint {
  return ceil(divide(level, rate(by)));
}

/** Tokens per microsecond. A policy has it in lowest terms already. */
function rate({ tokens, micros }: Pick<OraclePolicy, 'tokens' | 'micros'>): Rational {
  return { num: tokens, den: micros };
}

function notBelowZero(level: Rational): Rational {
  return max(level, ZERO);
}

export function toMs(micros: bigint): number {
  return Number((micros + 999n) / 1000n);
}
