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
  if (isDrained(record, now)) return 0;
  if (record.holds === undefined && isFaster(reader, record)) return levelForFaster(record, reader, now);
  const left = drain(record.level, record.ticksPerMicro, now - record.at);
  if (record.ticksPerToken === reader.ticksPerToken) return left;
  return product(Math.ceil(left / record.ticksPerToken), reader.ticksPerToken);
}

/**
 * The starts that were promised lie as far ahead as the writer's rate says. So to the latest of them the level drains by that, and
 * from there by the reader's: until then it is as much higher as the reader's would drain. Else tokens would be given
 * out again that are not used yet.
 */
function levelForFaster(record: BucketRecord, reader: Scale, now: number): Ticks {
  const { level, at, ticksPerToken, ticksPerMicro, last = at } = record;
  const from = Math.max(at, last);
  const left = drain(level, ticksPerMicro, from - at);
  const isSame = ticksPerToken === reader.ticksPerToken;
  const [amount, size] = isSame ? [left, 1] : [Math.ceil(left / ticksPerToken), reader.ticksPerToken];
  return larger(difference(amount, size, reader.ticksPerMicro, now - from), 0);
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
