import { countAfter } from './kernel.js';
import { type HeldTokens, heldIn, type LeaseSpent, MOST_HOLDS, withHold } from './lease-holds.js';
import { levelAt } from './level.js';
import { outflowUnder } from './outflow.js';
import { alive, type BucketRecord, blockOf, isPromised, recordOf } from './record.js';
import { MAX_TICKS, type Scale } from './ticks.js';

/** What an instance asks for: to settle what it has spent, and for more. */
export interface LeaseRequest extends LeaseSpent {
  /** Whole tokens; 0 only settles. */
  readonly wanted: number;
  /** Whether the lease ends: what is held and was not spent is free again. */
  readonly returns?: boolean;
  /** After so many microseconds all that is held counts as spent. */
  readonly ttlMicros: number;
  readonly scale: Scale;
  /** Tokens of a full bucket. */
  readonly capacity: number;
}

/** What a lease comes to. */
export interface Lease {
  /** What was settled and what is held: the total that may be spent in all. So an answer that is lost, or comes twice, does no harm. */
  readonly total: number;
  /** Undefined where the bucket is full, and nobody holds any of it. */
  readonly record: BucketRecord | undefined;
}

/** Grants, renews, settles or ends a lease: what was spent moves from what is held to the level, then as much is held as is free. */
export function lease(stored: BucketRecord | undefined, request: LeaseRequest, now: number): Lease {
  if (request.returns) return { total: request.total, record: returnLease(stored, request, now) };
  const before = alive(stored, now);
  const known = before && holdOf(before, request.id);
  const { delta, held, settled } = afterSpending(known, request);
  const others = (before?.holds ?? []).filter((hold) => hold !== known);
  const claims = heldIn(others) + held;
  const charged = chargedLevel(before, request.scale, delta, claims, now);
  const granted = others.length < MOST_HOLDS ? grantable(before, charged, claims, request, now) : 0;
  const total = settled + held + granted;
  if (known === undefined && granted === 0) return { total, record: before };
  const hold = { id: request.id, held: held + granted, settled, expires: expiryOf(known, request, now) };
  const holds = hold.held === 0 ? others : withHold(others, hold);
  return { total, record: withHolds(before, charged, holds, delta, now) };
}

/** Ends a lease: what is held of it and was not spent is free again. One that is not known, or has ended, changes nothing. */
export function returnLease(
  stored: BucketRecord | undefined,
  spent: LeaseSpent,
  now: number,
): BucketRecord | undefined {
  const before = alive(stored, now);
  const known = before && holdOf(before, spent.id);
  if (before === undefined || known === undefined) return before;
  const { delta } = afterSpending(known, spent);
  const others = (before.holds ?? []).filter((hold) => hold !== known);
  const charged = chargedLevel(before, before, delta, heldIn(others), now);
  return withHolds(before, charged, others, delta, now);
}

/** A bucket that was forgotten. What is held of it is still out there, and goes on to be. */
export function withoutLevel(stored: BucketRecord | undefined, now: number): BucketRecord | undefined {
  const { ticksPerToken, ticksPerMicro, holds } = alive(stored, now) ?? {};
  if (holds === undefined) return undefined;
  return { level: 0, at: now, ticksPerToken, ticksPerMicro, holds } as BucketRecord;
}

const holdOf = ({ holds }: BucketRecord, id: string): HeldTokens | undefined =>
  holds?.find((hold) => hold.id === id);

interface Spending {
  /** Tokens that join the level. */
  readonly delta: number;
  readonly held: number;
  readonly settled: number;
}

/** Who is not known has nothing to settle: what an earlier lease of that name has held was spent when it expired. */
function afterSpending(known: HeldTokens | undefined, { total }: LeaseSpent): Spending {
  if (known === undefined) return { delta: 0, held: 0, settled: total };
  const delta = Math.max(total - known.settled, 0);
  return { delta, held: Math.max(known.held - delta, 0), settled: known.settled + delta };
}

/** A level, and the scale that it is of. */
interface Charged {
  readonly level: number;
  readonly scale: Scale;
}

/**
 * The level with so many tokens more: under the reader's scale, as after a take, or, where that cannot be counted beside
 * what is held, under the writer's.
 */
function chargedLevel(
  before: BucketRecord | undefined,
  reader: Scale,
  tokens: number,
  claims: number,
  now: number,
): Charged {
  if (before === undefined) return { level: tokens * reader.ticksPerToken, scale: reader };
  const level = levelAt(before, reader, now);
  if (typeof level === 'number' && tokens <= roomFor(level, reader, claims))
    return { level: level + tokens * reader.ticksPerToken, scale: reader };
  const own = levelAt(before, before, now) as number;
  // More than was ever held, which nobody has spent, would not be counted.
  const counted = Math.min(tokens, roomFor(own, before, claims));
  return { level: own + counted * before.ticksPerToken, scale: before };
}

/** How many tokens can join a level before it cannot be counted any more with what is held. */
const roomFor = (level: number, { ticksPerToken }: Scale, claims: number): number =>
  Math.floor((MAX_TICKS - level) / ticksPerToken) - claims;

/** What is free, while nothing is blocked and nobody waits for a start that was promised. */
function grantable(
  before: BucketRecord | undefined,
  { level, scale }: Charged,
  claims: number,
  request: LeaseRequest,
  now: number,
): number {
  const { ticksPerToken, ticksPerMicro } = request.scale;
  if (scale.ticksPerToken !== ticksPerToken || scale.ticksPerMicro !== ticksPerMicro) return 0;
  if (before !== undefined && (blockOf(before, now) > 0 || isPromised(before, now))) return 0;
  const free = Math.floor((request.capacity * ticksPerToken - level) / ticksPerToken) - claims;
  return Math.max(Math.min(request.wanted, free), 0);
}

/** Never sooner than was told before: that answer may be all that its owner has. */
const expiryOf = (known: HeldTokens | undefined, { ttlMicros }: LeaseRequest, now: number): number =>
  Math.max(known?.expires ?? 0, now + ttlMicros);

function withHolds(
  before: BucketRecord | undefined,
  { level, scale }: Charged,
  holds: readonly HeldTokens[],
  tokens: number,
  now: number,
): BucketRecord | undefined {
  const { ticksPerToken, ticksPerMicro } = scale;
  const count = before?.since === undefined ? {} : countAfter(before, tokens, false, now);
  const outflow = outflowUnder(before, scale);
  const { last, blocked } = before ?? {};
  const record = { level, at: now, ticksPerToken, ticksPerMicro, last, blocked, ...count, ...outflow, holds };
  return alive(recordOf(record as BucketRecord, now), now);
}
