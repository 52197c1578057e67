import { settleExpired } from './lease-holds.js';
import { type BucketRecord, blockOf, isDrained } from './record.js';
import { difference, drain, larger, product, type Scale, type Ticks } from './ticks.js';

/** How a take finds its bucket. */
export interface Found {
  /** In ticks of the take's scale. A bigint where it passes 2^53, which no take is admitted at. */
  readonly level: Ticks;
  /** Microseconds for which nothing starts; `FOREVER` where nobody knows when it ends. */
  readonly block: number;
  /** The end of that, in microseconds of the store's clock; 0 where there is no block. */
  readonly blockEnd: number;
  /** Whether the level falls by whole tokens: a wait computed from it then holds only with a token's time added. */
  readonly stepped: boolean;
  /** Set where the level falls faster than by the reader's rate: it was written at a faster one on the same ticks. */
  readonly faster?: true;
  /** Set where instances hold tokens of the bucket: its record as of now. They are taken, and not in the level yet. */
  readonly leased?: BucketRecord;
}

const FULL: Found = { level: 0, block: 0, blockEnd: 0, stepped: false };

/** What a record says under the reader's scale. Needs `record.at <= now`. */
export function find(stored: BucketRecord | undefined, reader: Scale, now: number): Found {
  if (stored === undefined) return FULL;
  const record = stored.holds === undefined ? stored : settleExpired(stored, now);
  if (record.holds !== undefined) return besideHolds(record, reader, now);
  return foundIn(record, reader, now);
}

/** Of a record whose leases have all yet to expire. */
export function besideHolds(record: BucketRecord, reader: Scale, now: number): Found {
  const level = drain(record.level, record.ticksPerMicro, now - record.at);
  return { ...foundIn(record, reader, now), leased: { ...record, level, at: now } };
}

function foundIn(record: BucketRecord, reader: Scale, now: number): Found {
  const block = blockOf(record, now);
  const found: Found = {
    level: levelAt(record, reader, now),
    block,
    blockEnd: block === 0 ? 0 : (record.blocked as number),
    stepped: fallsInSteps(record, reader, now),
  };
  return fallsFaster(record, reader, now) ? { ...found, faster: true } : found;
}

/**
 * The level under the reader's scale, in the reader's ticks. Under another scale than the writer's nothing is earned
 * beyond the faster of the two: the level drains at that rate, and rounds up to a whole token where the size of a tick
 * differs. While tokens are held it drains by the writer's rate alone, for by that it will drain to where they expire: by a
 * faster one it would rise there. Needs `record.at <= now`, and no lease that has expired.
 */
export function levelAt(record: BucketRecord, reader: Scale, now: number): Ticks {
  const elapsed = now - record.at;
  if (isDrained(record, now)) return 0;
  const isHeld = record.holds !== undefined;
  if (record.ticksPerToken === reader.ticksPerToken) {
    if (isHeld) return drain(record.level, record.ticksPerMicro, elapsed);
    return drain(record.level, larger(record.ticksPerMicro, reader.ticksPerMicro) as number, elapsed);
  }
  if (!isHeld && isFaster(reader, record)) {
    const tokens = Math.ceil(record.level / record.ticksPerToken);
    return larger(difference(tokens, reader.ticksPerToken, reader.ticksPerMicro, elapsed), 0);
  }
  const left = drain(record.level, record.ticksPerMicro, elapsed);
  return product(Math.ceil(left / record.ticksPerToken), reader.ticksPerToken);
}

/** Whether the level falls by whole tokens rather than smoothly: it was written at a faster rate on another scale. */
function fallsInSteps(record: BucketRecord, reader: Scale, now: number): boolean {
  return (
    record.ticksPerToken !== reader.ticksPerToken && !isDrained(record, now) && !isFaster(reader, record)
  );
}

/** Whether the level falls faster than by the reader's rate. */
function fallsFaster(record: BucketRecord, reader: Scale, now: number): boolean {
  if (record.ticksPerMicro <= reader.ticksPerMicro || record.ticksPerToken !== reader.ticksPerToken)
    return false;
  return record.holds === undefined && !isDrained(record, now);
}

function isFaster(a: Scale, b: Scale): boolean {
  return difference(a.ticksPerMicro, b.ticksPerToken, b.ticksPerMicro, a.ticksPerToken) > 0;
}
