import { ceilDivide, difference, larger, product, type Scale, type Ticks } from './ticks.js';

/**
 * What a store keeps of a bucket: its level in ticks of its own scale at a time in microseconds of the store's clock.
 * Absence means full of tokens (level 0). It drains by its own scale, so it can be read without its policy.
 */
export interface BucketRecord extends Scale {
  readonly level: number;
  readonly at: number;
}

/** One bucket's part in a transaction, in ticks of `scale`. */
export interface Take {
  readonly key: string;
  readonly scale: Scale;
  /** What is added when the transaction is admitted; 0 asks without taking. */
  readonly add: number;
  /** The highest level at which this take is admitted; negative: never. */
  readonly allowance: number;
  /** Whether the level is work that must leave first: the take starts when what lies before it has drained. */
  readonly shapes: boolean;
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
export function fallsInSteps(record: BucketRecord, reader: Scale, now: number): boolean {
  return record.ticksPerToken !== reader.ticksPerToken && fullAt(record) > now && !isFaster(reader, record);
}

function drain(level: number, ticksPerMicro: number, elapsed: number): number {
  // Compared as times: `ticksPerMicro × elapsed` may pass 2^53, but not where it is below the level.
  return elapsed >= Math.ceil(level / ticksPerMicro) ? 0 : level - ticksPerMicro * elapsed;
}

function isFaster(a: Scale, b: Scale): boolean {
  return difference(a.ticksPerMicro, b.ticksPerToken, b.ticksPerMicro, a.ticksPerToken) > 0;
}

/** The wait until the shared start of a transaction, in microseconds: the latest slot of its shaping buckets. */
export function waitOf(takes: readonly Take[], levels: readonly Ticks[]): Ticks {
  let wait: Ticks = 0;
  for (let i = 0; i < takes.length; i++) {
    const take = takes[i] as Take;
    if (take.shapes) wait = larger(wait, ceilDivide(levels[i] as Ticks, take.scale.ticksPerMicro));
  }
  return wait;
}

/**
 * The level as the take finds it. A shaping bucket is first raised to the shared start, so that the distance between
 * starts holds in every bucket of the transaction. One whose own slot is that start stays as it is: raised to a whole
 * microsecond it would lose a fraction of a place at every request.
 */
export function raisedLevel(take: Take, level: Ticks, wait: Ticks): Ticks {
  const { ticksPerMicro } = take.scale;
  return take.shapes && ceilDivide(level, ticksPerMicro) < wait ? product(ticksPerMicro, wait) : level;
}

/** The time of the slowest token among the shaping takes, in microseconds, rounded up: the longest step of a level. */
export function stepTime(takes: readonly Take[]): number {
  const steps = takes.map(({ shapes, scale }) =>
    shapes ? Math.ceil(scale.ticksPerToken / scale.ticksPerMicro) : 0,
  );
  return Math.max(0, ...steps);
}

/** Whether every take of the transaction is admitted at these levels. */
export function admits(takes: readonly Take[], levels: readonly Ticks[], wait: Ticks): boolean {
  return takes.every((take, i) => raisedLevel(take, levels[i] as Ticks, wait) <= take.allowance);
}

/** The record after an admitted take: its raised level plus its cost, written with the reader's scale. */
export function recordAfter(take: Take, level: Ticks, wait: Ticks, now: number): BucketRecord {
  const { ticksPerToken, ticksPerMicro } = take.scale;
  return {
    level: (raisedLevel(take, level, wait) as number) + take.add,
    at: now,
    ticksPerToken,
    ticksPerMicro,
  };
}

/** A record whose time lies ahead of the clock, moved back to it, so that it neither gains tokens nor freezes. */
export function rebase(record: BucketRecord, now: number): BucketRecord {
  return record.at <= now ? record : { ...record, at: now };
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
