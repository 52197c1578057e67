import { microsToDrain, type Stored } from './oracle.js';
import { compare } from './rational.js';

/** The largest value that is kept or compared. */
export const MAX = BigInt(Number.MAX_SAFE_INTEGER);

/** A block without an end. */
export const FOREVER = MAX;

/** Tokens taken since a time; `synced` is what had been taken at the newest report that was believed. */
export interface Count {
  readonly since: bigint;
  readonly sent: bigint;
  readonly synced: bigint;
}

/** What a decision knows of the count at its take. */
export type Mark = Omit<Count, 'synced'>;

export interface BucketRecord extends Stored {
  /** Nothing starts before it. */
  readonly blocked?: bigint;
  readonly count?: Count;
}

/** Moved back to a clock that stands before it: it neither gains tokens nor freezes. `since` is a name, not a time. */
export function rebased(record: BucketRecord, now: bigint): BucketRecord {
  const ahead = record.at - now;
  if (ahead <= 0n) return record;
  const { last, blocked } = record;
  return {
    ...record,
    at: now,
    last: last === undefined ? undefined : last - ahead,
    blocked: blocked === undefined || blocked === FOREVER ? blocked : blocked - ahead,
  };
}

/** Worth no more than no record at all. */
export function isIdle(record: BucketRecord, now: bigint): boolean {
  return now >= fullAt(record) && blockLeft(record, now) === 0n;
}

export function fullAt({ level, at, tokens, micros }: Stored): bigint {
  return at + microsToDrain(level, { tokens, micros });
}

/** Microseconds in which nothing starts. */
export function blockLeft(record: BucketRecord | undefined, now: bigint): bigint {
  const { blocked = 0n } = record ?? {};
  if (blocked <= now) return 0n;
  return blocked === FOREVER ? FOREVER : blocked - now;
}

export function isPromised(record: BucketRecord | undefined, now: bigint): boolean {
  return record?.last !== undefined && record.last > now;
}

/** As it is written: without what is over, and not at all where nothing is left of it. */
export function written(record: BucketRecord, now: bigint): BucketRecord | undefined {
  if (isIdle(record, now)) return undefined;
  const ahead = (time: bigint | undefined) => (time !== undefined && time > now ? time : undefined);
  return { ...record, last: ahead(record.last), blocked: ahead(record.blocked) };
}

export function isSame(a: BucketRecord, b: BucketRecord): boolean {
  return (
    compare(a.level, b.level) === 0 &&
    a.at === b.at &&
    a.tokens === b.tokens &&
    a.micros === b.micros &&
    a.last === b.last &&
    a.blocked === b.blocked &&
    a.count?.since === b.count?.since &&
    a.count?.sent === b.count?.sent &&
    a.count?.synced === b.count?.synced
  );
}

export function later(a: bigint | undefined, b: bigint | undefined): bigint | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a > b ? a : b;
}
