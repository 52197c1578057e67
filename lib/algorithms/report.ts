import { heldIn } from './lease-holds.js';
import { levelAt } from './level.js';
import { NOT_COUNTED } from './outflow.js';
import { alive, type BucketRecord, FOREVER, isPromised, type Mark, recordOf } from './record.js';
import { drain, larger, MAX_TICKS, type Scale, type Ticks } from './ticks.js';

/** What the other side says of a bucket that both keep. */
export interface Report {
  readonly scale: Scale;
  /** Tokens that are missing there: the capacity less what remains. Negative where more remains; undefined: not said. */
  readonly missing: number | undefined;
  /** The take that the report answers: what was sent after it is not in the report. */
  readonly mark: Mark | undefined;
  /** How that take has left the bucket, where nothing was counted yet. */
  readonly left?: Left | undefined;
  /** Whether a report may lower the level: places in a line that shapes were promised, and do not move. */
  readonly lowers: boolean;
  /** Microseconds for which nothing is to start; 0: not said. */
  readonly block: number;
}

/** A level in ticks of a report's scale, at a time of the store's clock. */
export interface Left {
  readonly level: number;
  readonly at: number;
}

/**
 * The record after a report, undefined where that says no more than absence. The answer to a take newer than all
 * reported before is believed; a late one, or one of an unknown take, may only raise the level.
 */
export function recordAfterReport(
  stored: BucketRecord | undefined,
  report: Report,
  now: number,
): BucketRecord | undefined {
  const before = alive(stored, now);
  const told = report.missing === undefined ? before : withLevel(before, report, report.missing, now);
  if (told === before && report.block === 0) return before;
  const blocked = blockEnd(told, report.block, now);
  const { scale } = report;
  const after = blocked === 0 ? told : { level: 0, at: now, ...scale, ...told, blocked };
  return alive(after && recordOf(after, now), now);
}

/** A record whose block was taken back. */
export function unblocked(stored: BucketRecord, now: number): BucketRecord | undefined {
  return alive(recordOf({ ...stored, blocked: 0 }, now), now);
}

function withLevel(
  before: BucketRecord | undefined,
  report: Report,
  missing: number,
  now: number,
): BucketRecord | undefined {
  const { scale, lowers } = report;
  const { ticksPerToken, ticksPerMicro } = scale;
  const level: Ticks = before === undefined ? 0 : levelAt(before, scale, now);
  const answered = answeredBy(before, level, report, now);
  // With what is held it has to stay below 2^53 too. Where that alone does not, under another scale, nothing can be noted.
  const most = Math.floor(MAX_TICKS / ticksPerToken) - heldIn(before?.holds);
  if (most < 0) return before;
  const told = Math.min(Math.max(missing + (answered?.later ?? 0), 0), most) * ticksPerToken;
  const count = answered?.count;
  const mayLower = count !== undefined && lowers && !(before !== undefined && isPromised(before, now));
  const next = mayLower ? told : larger(level, told);
  // The other side knows what its requests have cost: what was estimated before gives nothing back on top of that.
  const counted = count === undefined ? before : { ...before, ...NOT_COUNTED, ...count };
  if (next === level) return counted as BucketRecord | undefined;
  return { ...counted, ...NOT_COUNTED, level: next as number, at: now, ticksPerToken, ticksPerMicro };
}

/** What is known of the take that a report answers. */
interface Answered {
  /** Tokens that were sent after it. */
  readonly later: number;
  /** How the count goes on, where it is newer than all that were reported before. */
  readonly count?: Pick<BucketRecord, 'since' | 'sent' | 'synced'>;
}

/** Undefined where that is nothing. */
function answeredBy(
  before: BucketRecord | undefined,
  level: Ticks,
  { mark, left, scale }: Report,
  now: number,
): Answered | undefined {
  const { since, sent = 0, synced = 0 } = before ?? {};
  if (mark !== undefined) {
    // All of a count that has begun after the take was sent after it.
    if (since === undefined || mark.since !== since) return { later: sent };
    // A take that is ahead of the count was undone.
    const isNewest = mark.sent > synced && mark.sent <= sent;
    const later = Math.max(sent - mark.sent, 0);
    return isNewest ? { later, count: { since, sent, synced: mark.sent } } : { later };
  }
  if (left === undefined || before === undefined) return undefined;
  if (since !== undefined) return left.at <= since ? { later: sent } : undefined;
  return uncounted(left, level, scale, now);
}

/**
 * Where nothing was counted, the levels say what was sent since: as long as the bucket cannot have been full in between. With
 * the first report that is believed the count begins, so before it there was none.
 */
function uncounted(left: Left, level: Ticks, scale: Scale, now: number): Answered | undefined {
  const alone = drain(left.level, scale.ticksPerMicro, Math.max(now - left.at, 0));
  if (alone === 0 || typeof level !== 'number') return undefined;
  const later = Math.max(Math.ceil((level - alone) / scale.ticksPerToken), 0);
  return { later, count: { since: now, sent: 0, synced: 0 } };
}

function blockEnd(before: BucketRecord | undefined, block: number, now: number): number {
  const known = before?.blocked ?? 0;
  if (block === 0) return known;
  return Math.max(known, block > MAX_TICKS - now ? FOREVER : now + block);
}
