import { ceilDivide, difference, larger, minus, product, type Scale, type Ticks } from './ticks.js';

/**
 * What a store keeps of a bucket: its level in ticks of its own scale at a time in microseconds of the store's clock.
 * Absence means full of tokens (level 0). It drains by its own scale, so it can be read without its policy.
 */
export interface BucketRecord extends Scale {
  readonly level: number;
  readonly at: number;
  /** The latest start that was promised to somebody who waits for tokens. */
  readonly last?: number;
}

/** One bucket's part in a transaction, in ticks of `scale`. */
export interface Take {
  readonly key: string;
  readonly scale: Scale;
  /** What is added when the transaction is admitted; 0 asks without taking. */
  readonly add: number;
  /** The highest level at which this take is admitted; negative: never. */
  readonly allowance: number;
  /** The level at which an admitted take starts: what it finds above has to drain first. Undefined: it never waits. */
  readonly startLevel: number | undefined;
  /** Whether its start is noted as promised in the record. */
  readonly promises: boolean;
}

/** What a transaction has done to a bucket, so that it can be undone while nobody has come after. */
export interface Change {
  readonly key: string;
  /** Undefined where the bucket was full. */
  readonly before: BucketRecord | undefined;
  readonly after: BucketRecord;
}

/**
 * The level under the reader's scale, in the reader's ticks; a bigint where that passes 2^53, which no take is admitted
 * at. Needs `record.at <= now`. Under another scale than the writer's nothing is earned beyond the faster of the two:
 * the level drains at that rate, and rounds up to a whole token where the size of a tick differs.
 */
export function levelAt(record: BucketRecord, reader: Scale, now: number): Ticks {
  const elapsed = now - record.at;
  if (elapsed >= Math.ceil(record.level / record.ticksPerMicro)) return 0;
  if (record.ticksPerToken === reader.ticksPerToken) {
    return drain(record.level, larger(record.ticksPerMicro, reader.ticksPerMicro) as number, elapsed);
  }
  if (isFaster(reader, record)) {
    const tokens = Math.ceil(record.level / record.ticksPerToken);
    return larger(difference(tokens, reader.ticksPerToken, reader.ticksPerMicro, elapsed), 0);
  }
  const left = drain(record.level, record.ticksPerMicro, elapsed);
  return product(Math.ceil(left / record.ticksPerToken), reader.ticksPerToken);
}

/**
 * Whether the level under this scale falls by whole tokens rather than smoothly: it was written at a faster rate on
 * another scale. Needs `record.at <= now`.
 */
function fallsInSteps(record: BucketRecord, reader: Scale, now: number): boolean {
  return record.ticksPerToken !== reader.ticksPerToken && fullAt(record) > now && !isFaster(reader, record);
}

/** Whether a take that waits was refused at such a level. */
export function isStepped(
  { startLevel, scale }: Take,
  record: BucketRecord | undefined,
  now: number,
): boolean {
  return startLevel !== undefined && record !== undefined && fallsInSteps(record, scale, now);
}

function drain(level: number, ticksPerMicro: number, elapsed: number): number {
  // Compared as times: `ticksPerMicro × elapsed` may pass 2^53, but not where it is below the level.
  return elapsed >= Math.ceil(level / ticksPerMicro) ? 0 : level - ticksPerMicro * elapsed;
}

function isFaster(a: Scale, b: Scale): boolean {
  return difference(a.ticksPerMicro, b.ticksPerToken, b.ticksPerMicro, a.ticksPerToken) > 0;
}

/** The wait until the shared start of a transaction, in microseconds: the latest slot of those that wait. */
export function waitOf(takes: readonly Take[], levels: readonly Ticks[]): Ticks {
  return takes.reduce<Ticks>((wait, take, i) => larger(wait, ownWait(take, levels[i] as Ticks)), 0);
}

/** Microseconds until a take could start, were it alone. */
function ownWait({ startLevel, scale }: Take, level: Ticks): Ticks {
  return startLevel === undefined ? 0 : larger(ceilDivide(minus(level, startLevel), scale.ticksPerMicro), 0);
}

/**
 * The level as the take finds it. A bucket that waits is first raised to the shared start, so that the distance between
 * starts holds in every bucket of the transaction. One whose own slot is that start stays as it is: raised to a whole
 * microsecond it would lose a fraction of a place at every request.
 */
export function raisedLevel(take: Take, level: Ticks, wait: Ticks): Ticks {
  if (take.startLevel === undefined || ownWait(take, level) >= wait) return level;
  return minus(product(take.scale.ticksPerMicro, wait), -take.startLevel);
}

/** The time of the slowest token among the takes that wait, in microseconds, rounded up: the longest step of a level. */
export function stepTime(takes: readonly Take[]): number {
  const steps = takes.map(({ startLevel, scale }) =>
    startLevel === undefined ? 0 : Math.ceil(scale.ticksPerToken / scale.ticksPerMicro),
  );
  return Math.max(0, ...steps);
}

/** Whether every take of the transaction is admitted at these levels. */
export function admits(takes: readonly Take[], levels: readonly Ticks[], wait: Ticks): boolean {
  return takes.every((take, i) => raisedLevel(take, levels[i] as Ticks, wait) <= take.allowance);
}

/** The record after an admitted take: its raised level plus its cost, written with the reader's scale. */
function recordAfter(
  take: Take,
  level: Ticks,
  wait: Ticks,
  now: number,
  before: BucketRecord | undefined,
): BucketRecord {
  const { ticksPerToken, ticksPerMicro } = take.scale;
  const last = Math.max(before?.last ?? 0, take.promises ? now + Number(wait) : 0);
  return {
    level: (raisedLevel(take, level, wait) as number) + take.add,
    at: now,
    ticksPerToken,
    ticksPerMicro,
    ...(last > now ? { last } : {}),
  };
}

/** What an admitted transaction does to its buckets. A cost of 0 does nothing. */
export function changesOf(
  takes: readonly Take[],
  levels: readonly Ticks[],
  wait: Ticks,
  now: number,
  records: readonly (BucketRecord | undefined)[],
): Change[] {
  const changes = takes.flatMap((take, i) => {
    const before = records[i];
    if (take.add === 0) return [];
    return [{ key: take.key, before, after: recordAfter(take, levels[i] as Ticks, wait, now, before) }];
  });
  // V8 leaves room for 17 in the array that it makes there, and every waiter keeps one: a copy has room for its own.
  return [...changes];
}

/** Whether a record is still what a transaction has left. */
export function isSame(a: BucketRecord | undefined, b: BucketRecord): boolean {
  return (
    a !== undefined &&
    a.level === b.level &&
    a.at === b.at &&
    a.ticksPerMicro === b.ticksPerMicro &&
    a.ticksPerToken === b.ticksPerToken &&
    a.last === b.last
  );
}

/** A record whose time lies ahead of the clock, moved back to it, so that it neither gains tokens nor freezes. */
export function rebase(record: BucketRecord, now: number): BucketRecord {
  const ahead = record.at - now;
  if (ahead <= 0) return record;
  return { ...record, at: now, ...(record.last === undefined ? {} : { last: record.last - ahead }) };
}

/** Whether somebody waits for tokens of this bucket: what they were promised does not move. */
export function isPromised(record: BucketRecord, now: number): boolean {
  return record.last !== undefined && record.last > now;
}

/**
 * A record with whole tokens given back, in its own scale; undefined where the bucket is then full.
 * Lowering by a constant commutes with draining, so the time of the record stays.
 */
export function recordWithout(record: BucketRecord, tokens: number, now: number): BucketRecord | undefined {
  const level = difference(1, record.level, tokens, record.ticksPerToken);
  if (level <= 0 || fullAt({ ...record, level: level as number }) <= now) return undefined;
  return { ...record, level: level as number };
}

/** When the bucket is full again by its own rate, in microseconds of the store's clock, rounded up. */
export function fullAt(record: BucketRecord): number {
  return record.at + Math.ceil(record.level / record.ticksPerMicro);
}
