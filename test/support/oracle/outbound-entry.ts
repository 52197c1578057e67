import { type BucketRecord, blockLeft, FOREVER, MAX } from './bucket-record.js';
import {
  drained,
  type EntryResult,
  levelFor,
  microsToDrain,
  type OracleEntry,
  type OraclePolicy,
  stepMargin,
  ticks,
  toMs,
} from './oracle.js';
import { add, compare, divide, floor, max, min, type Rational, subtract, whole, ZERO } from './rational.js';

/** Without a bound of its own it waits as long as the bucket allows. */
export interface Patience {
  readonly maxWaitMicros?: number;
}

export interface OutboundEntry extends OracleEntry {
  /** Undefined: it waits only where the policy shapes. */
  readonly patience?: Patience;
}

/** An entry in front of its bucket, before the others of its operation are known. Levels are in tokens. */
export interface Look {
  readonly entry: OutboundEntry;
  readonly record: BucketRecord | undefined;
  readonly level: Rational;
  /** The level that a block makes of it. */
  readonly blocked: Rational;
  /** Microseconds left of the block. */
  readonly block: bigint;
  readonly waits: boolean;
  /** The level at which it may start. */
  readonly start: Rational;
  /** The highest level at which it is admitted. */
  readonly allowance: Rational;
  /** Microseconds until it would start alone. */
  readonly wait: bigint;
}

/** Its place among the others: all that wait start together. */
export interface Seat {
  readonly look: Look;
  readonly raised: Rational;
  readonly fits: boolean;
}

export function lookAt(entry: OutboundEntry, record: BucketRecord | undefined, now: bigint): Look {
  const { policy, cost, patience } = entry;
  const level = levelFor(policy, record, now);
  const block = blockLeft(record, now);
  const blocked = block > 0n ? max(level, drained(policy, block)) : level;
  // A shaping entry that can never pass still has its place in line, as in oracle.ts: others share its start.
  const waits = policy.shapes || (patience !== undefined && cost <= policy.capacity);
  const start = policy.shapes ? ZERO : whole(policy.capacity - cost);
  const wait = waits ? largest([microsToDrain(subtract(blocked, start), policy), block]) : 0n;
  const allowance = waits ? patientAllowance(entry, start) : whole(policy.capacity - cost);
  return { entry, record, level, blocked, block, waits, start, allowance, wait };
}

function patientAllowance({ policy, cost, patience }: OutboundEntry, start: Rational): Rational {
  const free = whole(policy.capacity - cost);
  const bounds = [patience?.maxWaitMicros, policy.shapes ? policy.maxWaitMicros : undefined];
  const waited = bounds.flatMap((bound) => (bound === undefined ? [] : [drained(policy, BigInt(bound))]));
  if (policy.shapes) return waited.reduce(min, free);
  // Twice the capacity may pass the largest level that is kept.
  const room = subtract(divide(whole(MAX), whole(policy.micros)), whole(policy.capacity));
  return add(start, min(waited[0] ?? whole(policy.capacity), room));
}

export function sharedWait(looks: readonly Look[]): bigint {
  return largest(looks.map(({ wait }) => wait));
}

export function seat(look: Look, shared: bigint): Seat {
  const { entry, level, blocked, block, waits, start, allowance, wait } = look;
  if (!waits) return { look, raised: level, fits: block === 0n && compare(level, allowance) <= 0 };
  // One whose own start is the shared one is not raised: rounded up to a microsecond it would lose places.
  const raised = wait < shared ? add(start, drained(entry.policy, shared)) : blocked;
  const inTime = block <= patienceOf(look);
  return {
    look,
    raised,
    fits: entry.cost <= entry.policy.capacity && compare(raised, allowance) <= 0 && inTime,
  };
}

/** Microseconds that it waits at most. */
function patienceOf({ entry: { policy }, start, allowance }: Look): bigint {
  return floor(divide(subtract(allowance, start), { num: policy.tokens, den: policy.micros }));
}

/** `admitted`: this entry is, so all it needs are. */
export function report(seat: Seat, admitted: boolean, shared: bigint, margin: bigint): EntryResult {
  const { look, raised, fits } = seat;
  const { policy, cost } = look.entry;
  const level = admitted ? add(raised, whole(cost)) : look.blocked;
  const left = look.block > 0n && !policy.shapes ? 0n : headroom(policy, level);
  return {
    allowed: fits,
    level: ticks(level, policy),
    remaining: Number(left),
    retryAfterMs: retryAfterMs(seat, margin),
    resetAfterMs: toMs(microsToDrain(level, policy)),
    delayMs: admitted && look.waits ? toMs(shared) : 0,
  };
}

function retryAfterMs({ look, raised, fits }: Seat, margin: bigint): number | null {
  const { entry, level, block, waits, allowance } = look;
  if (fits) return 0;
  if (entry.cost > entry.policy.capacity || block === FOREVER) return null;
  const until = (from: Rational) => microsToDrain(subtract(from, allowance), entry.policy);
  // As in oracle.ts, one that does not wait is told the margin too: it is taken together with those that do.
  if (!waits) return toMs(largest([block, until(level)]) + margin);
  return toMs(largest([until(raised), block - patienceOf(look)]) + margin);
}

/** What is added to the times of those that wait where a level falls by whole tokens. */
export function marginOf(looks: readonly Look[], now: bigint): bigint {
  const waiting = looks.filter(({ waits }) => waits);
  const entries = waiting.map(({ entry }) => ({ ...entry, policy: { ...entry.policy, shapes: true } }));
  return stepMargin(entries, (key) => waiting.find(({ entry }) => entry.key === key)?.record, now);
}

/** Whole tokens left. */
export function headroom({ capacity }: OraclePolicy, level: Rational): bigint {
  const left = floor(subtract(whole(capacity), level));
  return left > 0n ? left : 0n;
}

/** None is below 0. */
function largest(times: readonly bigint[]): bigint {
  return times.reduce((a, b) => (a > b ? a : b), 0n);
}
