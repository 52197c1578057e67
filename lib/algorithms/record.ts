import { fullAt, type Holds, movedBack, sameHolds, settleExpired } from './lease-holds.js';
import { type Outflow, outflowWith } from './outflow.js';
import { difference, larger, MAX_TICKS, product, type Scale, type Ticks } from './ticks.js';

/**
 * What a store keeps of a bucket: its level in ticks of its own scale at a time in microseconds of the store's clock.
 * Absence means full of tokens (level 0). It drains by its own scale, so it can be read without its policy.
 */
export interface BucketRecord extends Scale, Outflow {
  readonly level: number;
  readonly at: number;
  /** The latest start that was promised to somebody who waits, for tokens or in a line. */
  readonly last?: number;
  /** Nothing starts before this time; `FOREVER` until it is taken back. */
  readonly blocked?: number;
  /** Tokens are counted since this time; undefined: they are not. */
  readonly since?: number;
  /** Tokens taken since then. */
  readonly sent?: number;
  /** How many of them the newest report that was believed knew of. */
  readonly synced?: number;
  /** Tokens that instances have taken ahead, in the order in which that ends; undefined: none. They are not in the level. */
  readonly holds?: Holds;
}

/** Where a take stands in the count of its bucket. Counts of different beginnings cannot be compared. */
export interface Mark {
  readonly since: number;
  /** Tokens taken since then, its own included. */
  readonly sent: number;
}

/** The end of a block that has none. */
export const FOREVER = MAX_TICKS;

/** When the bucket is full again by its own rate, in microseconds of the store's clock, rounded up. */
export function drainedAt({ at, level, ticksPerMicro }: BucketRecord): number {
  return at + Math.ceil(level / ticksPerMicro);
}

/** Whether it has drained by its own rate: compared as times of a wait, for the end of a long one may pass 2^53. */
export function isDrained({ at, level, ticksPerMicro }: BucketRecord, now: number): boolean {
  return now - at >= Math.ceil(level / ticksPerMicro);
}

/** From when on the record says no more than absence does: the bucket is full, and not blocked. */
export function endOf(record: BucketRecord): number {
  return Math.max(record.holds === undefined ? drainedAt(record) : fullAt(record), record.blocked ?? 0);
}

/** What a record says at a time, leases settled that have expired; undefined where that is no more than absence does. */
export function alive(stored: BucketRecord | undefined, now: number): BucketRecord | undefined {
  if (stored === undefined) return undefined;
  const record = stored.holds === undefined ? stored : settleExpired(stored, now);
  if (record.holds !== undefined) return record;
  return isDrained(record, now) && (record.blocked ?? 0) <= now ? undefined : record;
}

/** A record whose time lies ahead of the clock, moved back to it, so that it neither gains tokens nor freezes. */
export function rebase(record: BucketRecord, now: number): BucketRecord {
  const ahead = record.at - now;
  if (ahead <= 0) return record;
  const { last, blocked, ticksPerMicro, holds } = record;
  return {
    ...record,
    ...(record.reserved === undefined ? {} : outflowWith(record, { lost: ticksPerMicro * ahead })),
    at: now,
    ...(last === undefined ? {} : { last: last - ahead }),
    ...(blocked === undefined || blocked === FOREVER ? {} : { blocked: blocked - ahead }),
    ...(holds === undefined ? {} : { holds: movedBack(holds, ahead) }),
  };
}

/** Microseconds for which nothing starts. */
export function blockOf({ blocked }: BucketRecord, now: number): number {
  if (blocked === undefined) return 0;
  return blocked === FOREVER ? FOREVER : Math.max(blocked - now, 0);
}

/** Whether somebody waits at this bucket: what they were promised does not move. */
export function isPromised(record: BucketRecord, now: number): boolean {
  return record.last !== undefined && record.last > now;
}

/** Whether it says no more than a level at a time. */
export function isPlain({ last, blocked, since, reserved, holds }: BucketRecord): boolean {
  const isOnlyLevel = last === undefined && blocked === undefined && holds === undefined;
  return isOnlyLevel && since === undefined && reserved === undefined;
}

/** A record with the times that are still ahead; the others say nothing any more. */
export function recordOf(record: BucketRecord, now: number): BucketRecord {
  const { level, at, ticksPerToken, ticksPerMicro, last = 0, blocked = 0 } = record;
  const { since, sent, synced, reserved, returned, lost, holds } = record;
  // Assigned one by one: this is done at every admission, and spread syntax would cost more than all else of it.
  const kept: Writable<BucketRecord> = { level, at, ticksPerToken, ticksPerMicro };
  if (last > now) kept.last = last;
  if (blocked > now) kept.blocked = blocked;
  if (since !== undefined) {
    kept.since = since;
    kept.sent = sent;
    kept.synced = synced;
  }
  if (reserved !== undefined) {
    kept.reserved = reserved;
    kept.returned = returned;
    kept.lost = lost;
  }
  if (holds !== undefined && holds.length > 0) kept.holds = holds;
  return kept;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Whether a record is still what a transaction has left. */
export function isSame(a: BucketRecord | undefined, b: BucketRecord): boolean {
  return (
    a !== undefined &&
    a.level === b.level &&
    a.at === b.at &&
    a.ticksPerMicro === b.ticksPerMicro &&
    a.ticksPerToken === b.ticksPerToken &&
    a.last === b.last &&
    a.blocked === b.blocked &&
    a.since === b.since &&
    a.sent === b.sent &&
    a.synced === b.synced &&
    a.reserved === b.reserved &&
    a.returned === b.returned &&
    a.lost === b.lost &&
    sameHolds(a.holds, b.holds)
  );
}

/** When tokens were taken, in microseconds of the store's clock, and on which scale. */
export interface TakenAt extends Scale {
  readonly at: number;
}

/**
 * Ticks by which a level is lowered where whole tokens are given back: all of them, or, where it is known when they were
 * taken, as many as have certainly not drained since.
 */
export function ticksBack(before: BucketRecord, tokens: number, now: number, taken?: TakenAt): Ticks {
  const { ticksPerToken, ticksPerMicro } = before;
  if (isDrained(before, now)) return 0;
  if (taken === undefined) return product(tokens, ticksPerToken);
  if (taken.ticksPerToken !== ticksPerToken || taken.ticksPerMicro !== ticksPerMicro) return 0;
  return larger(difference(tokens, ticksPerToken, ticksPerMicro, Math.max(0, now - taken.at)), 0);
}

/**
 * A record with ticks given back; undefined where the bucket is then full. Lowering by a constant commutes with draining,
 * so the time of the record stays.
 */
export function recordWithout(before: BucketRecord, ticks: Ticks, now: number): BucketRecord | undefined {
  if (ticks === 0) return before;
  const level = ticks >= before.level ? 0 : before.level - Number(ticks);
  const outflow = outflowWith(before, { lost: before.level - level });
  return alive(recordOf({ ...before, ...outflow, level }, now), now);
}

/** Where the last take of a bucket stands in its count. */
export function markOf(record: BucketRecord | undefined): Mark | undefined {
  return record?.since === undefined ? undefined : (record as Mark);
}
