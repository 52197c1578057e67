import { heldIn, type LeaseSpent } from './lease-holds.js';
import type { LeaseTerms } from './lease-terms.js';
import { type Found, find } from './level.js';
import { beginOutflow, type Outflow, outflowUnder } from './outflow.js';
import { alive, type BucketRecord, FOREVER, recordOf } from './record.js';
import { ceilDivide, larger, MAX_TICKS, minus, plus, product, type Scale, type Ticks } from './ticks.js';

/** One bucket's part in a transaction, in ticks of `scale`. */
export interface Take {
  readonly key: string;
  readonly scale: Scale;
  /** Tokens of a full bucket. */
  readonly capacity: number;
  /** Tokens that are taken when the transaction is admitted; 0 asks without taking. */
  readonly cost: number;
  /** The highest level at which this take is admitted; negative: never. */
  readonly allowance: number;
  /** The level at which an admitted take starts: what it finds above has to drain first. Undefined: it never waits. */
  readonly startLevel: number | undefined;
  /** Whether its start is noted as promised in the record. */
  readonly promises: boolean;
  /** Set where the cost is an estimate, to be settled later. */
  readonly reserve?: Hold | undefined;
  /** Set where the process may decide it from tokens that it has taken ahead. */
  readonly lease?: LeaseTerms | undefined;
  /** A lease of this bucket that ends with it, whatever becomes of the take: what is left of it is free before it is decided. */
  readonly returns?: LeaseSpent | undefined;
}

/** A take of whatever bucket: what it finds, and what comes of it, depends on no name. */
export type NamelessTake = Omit<Take, 'key'>;

/** How a take is kept until it is settled. */
export interface Hold {
  readonly id: string;
  /** After so many microseconds the estimate stands. */
  readonly ttlMicros: number;
}

/** How a transaction of several takes is decided. */
export interface Terms {
  /** Evaluate only: nothing is taken. */
  readonly peek?: boolean;
  /** Take one of the buckets instead of all: see `choose`. */
  readonly pick?: Preference;
  /** Count what is taken, for reports of how much is left: see `Report`. */
  readonly counted?: boolean;
}

/** The take that is chosen where others would start as early. */
export interface Preference {
  readonly prefer?: number | undefined;
}

/** What a transaction has done to a bucket, so that it can be undone while nobody has come after. */
export interface Change {
  readonly key: string;
  /** Undefined where the bucket was full. */
  readonly before: BucketRecord | undefined;
  readonly after: BucketRecord;
}

/** What a transaction comes to. */
export interface Verdict {
  readonly admitted: boolean;
  /** How each take has found its bucket. */
  readonly found: readonly Found[];
  /** The places of the takes that are charged: all of them, or the one that was picked; none of a refusal. */
  readonly charged: readonly number[];
}

/** Decides a transaction from the records of its buckets; where nothing is picked, it is all or nothing. */
export function decide(
  takes: readonly Take[],
  records: readonly (BucketRecord | undefined)[],
  terms: Terms,
  now: number,
): Verdict {
  const found = takes.map(({ scale }, i) => find(records[i], scale, now));
  const charged = terms.pick ? choose(takes, found, terms.pick) : all(takes, found);
  return { admitted: charged !== undefined, found, charged: charged ?? [] };
}

function all(takes: readonly Take[], found: readonly Found[]): number[] | undefined {
  const wait = waitOf(takes, found);
  return takes.every((take, i) => fits(take, found[i] as Found, wait)) ? takes.map((_, i) => i) : undefined;
}

/** Of the takes that fit, each as if alone: the earliest start, then the preferred one, then the most tokens left. */
function choose(
  takes: readonly Take[],
  found: readonly Found[],
  { prefer }: Preference,
): number[] | undefined {
  let best: { readonly i: number; readonly wait: Ticks; readonly left: number } | undefined;
  takes.forEach((take, i) => {
    const place = found[i] as Found;
    const wait = ownWait(take, place);
    if (!fits(take, place, wait)) return;
    const left = i === prefer ? Number.POSITIVE_INFINITY : tokensLeft(take, place);
    if (best === undefined || wait < best.wait || (wait === best.wait && left > best.left))
      best = { i, wait, left };
  });
  return best === undefined ? undefined : [best.i];
}

/** Whole tokens that are left now. */
function tokensLeft(take: NamelessTake, found: Found): number {
  const { ticksPerToken } = take.scale;
  const free = take.capacity * ticksPerToken;
  const [level, block] = [claimed(take, found, found.level), found.block];
  return block > 0 || level >= free ? 0 : Math.floor((free - (level as number)) / ticksPerToken);
}

/** The wait until the shared start of takes, in microseconds: the latest slot of those that wait. */
export function waitOf(takes: readonly Take[], found: readonly Found[]): Ticks {
  return takes.reduce<Ticks>((wait, take, i) => larger(wait, ownWait(take, found[i] as Found)), 0);
}

/** Microseconds until a take could start, were it alone: at its level, and not inside a block. */
export function ownWait(take: NamelessTake, found: Found): Ticks {
  const { startLevel, scale } = take;
  if (startLevel === undefined) return 0;
  const wait = ceilDivide(minus(blockedLevel(take, found), startLevel), scale.ticksPerMicro);
  return larger(wait, found.block);
}

/** The level as a block leaves it: at its end the bucket is full at most, so that nothing is earned inside. */
export function blockedLevel({ scale }: NamelessTake, { level, block }: Found): Ticks {
  return block === 0 ? level : larger(level, product(scale.ticksPerMicro, block));
}

/**
 * The level as the take finds it. A bucket that waits is first raised to the shared start, so that the distance between
 * starts holds in every bucket of the transaction. One whose own slot is that start stays as it is: raised to a whole
 * microsecond it would lose a fraction of a place at every request.
 */
export function raisedLevel(take: NamelessTake, found: Found, wait: Ticks): Ticks {
  const { startLevel, scale } = take;
  if (startLevel === undefined || ownWait(take, found) >= wait) return blockedLevel(take, found);
  return minus(product(scale.ticksPerMicro, wait), -startLevel);
}

/**
 * Whether a take is admitted at a start so far ahead. One that does not wait is not admitted inside a block. Beside tokens
 * that are held nobody is made to wait: nobody knows when they are spent, so a start could not be kept.
 */
export function fits(take: NamelessTake, found: Found, wait: Ticks): boolean {
  if (found.leased !== undefined) {
    const { level, block } = found;
    return take.startLevel === undefined && block === 0 && claimed(take, found, level) <= take.allowance;
  }
  return found.block <= longestBlock(take) && raisedLevel(take, found, wait) <= take.allowance;
}

/** A level of a take with what is held beside it, which is taken as well. */
export function claimed({ scale }: NamelessTake, { leased }: Found, level: Ticks): Ticks {
  return leased === undefined ? level : plus(level, product(heldIn(leased.holds), scale.ticksPerToken));
}

/** The longest block in microseconds behind which a take waits: as long as it would wait at all. */
export function longestBlock({ allowance, startLevel = allowance, scale }: NamelessTake): number {
  return Math.min(Math.floor((allowance - startLevel) / scale.ticksPerMicro), FOREVER - 1);
}

/** The time of the slowest token among the takes that wait, in microseconds, rounded up: the longest step of a level. */
export function stepTime(takes: readonly Take[]): number {
  const steps = takes.map(({ startLevel, scale }) =>
    startLevel === undefined ? 0 : Math.ceil(scale.ticksPerToken / scale.ticksPerMicro),
  );
  return Math.max(0, ...steps);
}

/** What an admitted transaction does to the buckets that it charges. A cost of 0 does nothing. */
export function changesOf(
  takes: readonly Take[],
  records: readonly (BucketRecord | undefined)[],
  { found, charged }: Verdict,
  counted: boolean,
  now: number,
): Change[] {
  const wait = waitOf(
    charged.map((i) => takes[i] as Take),
    charged.map((i) => found[i] as Found),
  );
  const changing = charged.filter((i) => (takes[i] as Take).cost > 0);
  return changing.map((i) => {
    const [take, before] = [takes[i] as Take, alive(records[i], now)];
    const level = raisedLevel(take, found[i] as Found, wait) as number;
    return { key: take.key, before, after: recordAfter(take, level, wait, counted, before, now) };
  });
}

/** The record after an admitted take: its raised level plus its cost, written with the reader's scale. */
function recordAfter(
  { cost, scale, promises, reserve }: Take,
  level: number,
  wait: Ticks,
  counted: boolean,
  before: BucketRecord | undefined,
  now: number,
): BucketRecord {
  const { ticksPerToken, ticksPerMicro } = scale;
  // Starts behind 2^53, in the year 2255, are not told apart.
  const last = Math.max(before?.last ?? 0, promises ? Math.min(now + Number(wait), MAX_TICKS) : 0);
  const { since, sent, synced } = countAfter(before, cost, counted, now);
  const { reserved, returned, lost } = outflowAfter(before, scale, reserve);
  const blocked = before?.blocked;
  const holds = before?.holds;
  // All by name: spread syntax would cost more than all else of an admission.
  return recordOf(
    {
      level: level + cost * ticksPerToken,
      at: now,
      ticksPerToken,
      ticksPerMicro,
      last,
      blocked,
      since,
      sent,
      synced,
      reserved,
      returned,
      lost,
      holds,
    },
    now,
  );
}

type Count = Pick<BucketRecord, 'since' | 'sent' | 'synced'>;

const NOT_COUNTED: Count = { since: undefined, sent: undefined, synced: undefined };

/** Once begun, a count goes on whoever takes. */
export function countAfter(
  before: BucketRecord | undefined,
  cost: number,
  counted: boolean,
  now: number,
): Count {
  const { since, sent, synced } = before ?? NOT_COUNTED;
  if (sent !== undefined && sent <= MAX_TICKS - cost) return { since, sent: sent + cost, synced };
  // What cannot be counted any more is counted from here.
  return sent !== undefined || counted ? { since: now, sent: cost, synced: 0 } : NOT_COUNTED;
}

/** Once begun, a count of what flows out goes on too, as long as the scale stays. */
function outflowAfter(before: BucketRecord | undefined, scale: Scale, reserve: Hold | undefined): Outflow {
  const outflow = outflowUnder(before, scale);
  return outflow.reserved === undefined && reserve !== undefined ? beginOutflow(reserve.id) : outflow;
}
