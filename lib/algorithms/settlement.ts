import type { Hold, Take } from './kernel.js';
import { heldIn } from './lease-holds.js';
import { levelAt } from './level.js';
import { outflowWith } from './outflow.js';
import { alive, type BucketRecord, isPromised, recordOf } from './record.js';
import { MAX_TICKS, type Scale } from './ticks.js';

/** What a store keeps of an admitted take whose cost is an estimate, until it is settled or its time is over. */
export interface Reserved extends Scale {
  /** Tokens that were taken. */
  readonly cost: number;
  readonly capacity: number;
  /** The level after the take. */
  readonly level: number;
  readonly at: number;
  /** From here on the estimate stands. */
  readonly until: number;
  /** How the count of the record stood: see `Outflow`. */
  readonly reserved: string | undefined;
  readonly returned: number;
  readonly lost: number;
}

/** What a reserved take has come to. */
export interface Actual {
  readonly id: string;
  readonly cost: number;
  /** How far past its capacity a debt may bring a bucket, in tokens; undefined: as far as the capacity is. */
  readonly maxDebt: number | undefined;
  /** Whether anything may be given back: places in a line that shapes were promised, and do not move. */
  readonly lowers: boolean;
}

/** What a settlement does to a bucket. */
export interface Settled extends Pick<Scale, 'ticksPerToken'> {
  /** Ticks that the level rises by; negative: that were given back. */
  readonly ticks: number;
  /** Undefined where the bucket is full. */
  readonly record: BucketRecord | undefined;
}

/** What is kept of a take that was admitted; `after` is the record that it has left: none, perhaps, where it has cost nothing. */
export function reservedBy(
  { cost, capacity, scale, reserve }: Take,
  after: BucketRecord | undefined,
  now: number,
): Reserved {
  return {
    cost,
    capacity,
    level: after?.level ?? 0,
    at: now,
    ...scale,
    until: now + (reserve as Hold).ttlMicros,
    reserved: after?.reserved,
    returned: after?.returned ?? 0,
    lost: after?.lost ?? 0,
  };
}

/** Charges what a reserved take has cost more than estimated, or gives back what it has cost less. */
export function settle(
  reserved: Reserved,
  stored: BucketRecord | undefined,
  actual: Actual,
  now: number,
): Settled {
  const before = alive(stored, now);
  const { ticksPerToken, ticksPerMicro } = before ?? reserved;
  const level = before === undefined ? 0 : (levelAt(before, before, now) as number);
  // What is held beside it joins the level one day.
  const most = MAX_TICKS - heldIn(before?.holds) * ticksPerToken;
  const debt = debtTicks(reserved, actual, level, ticksPerToken, most);
  const back = Math.min(ticksToGiveBack(reserved, before, actual, now), level);
  const ticks = debt > 0 ? debt : -back;
  if (ticks === 0) return { ticks: 0, ticksPerToken, record: before };
  const outflow = outflowWith(before ?? {}, { returned: back });
  const after = { ...before, ...outflow, level: level + ticks, at: now, ticksPerToken, ticksPerMicro };
  return { ticks, ticksPerToken, record: alive(recordOf(after, now), now) };
}

/** The difference of a take that has cost more, as far as the bound of the debt allows. */
function debtTicks(
  reserved: Reserved,
  actual: Actual,
  level: number,
  ticksPerToken: number,
  most: number,
): number {
  const { capacity } = reserved;
  const tokens = capacity + (actual.maxDebt ?? capacity);
  const bound = tokens > Math.floor(most / ticksPerToken) ? most : tokens * ticksPerToken;
  const room = Math.max(bound - level, 0);
  const more = actual.cost - reserved.cost;
  // Compared as tokens: the product may pass 2^53.
  return more >= Math.ceil(room / ticksPerToken) ? room : Math.max(more, 0) * ticksPerToken;
}

/** The difference of a take that has cost less, as far as it has certainly not drained since: see docs/algorithms.md. */
function ticksToGiveBack(
  reserved: Reserved,
  before: BucketRecord | undefined,
  actual: Actual,
  now: number,
): number {
  const less = reserved.cost - actual.cost;
  if (less <= 0 || !actual.lowers || before?.reserved === undefined) return 0;
  if (before.reserved !== reserved.reserved || isPromised(before, now)) return 0;
  const { ticksPerToken } = reserved;
  return Math.min(less * ticksPerToken, ticksLeft(reserved, before, now));
}

/** Ticks of the time of the take that no drain and nobody else can have taken away since. */
function ticksLeft(reserved: Reserved, before: BucketRecord, now: number): number {
  const { cost, level, at, ticksPerToken, ticksPerMicro } = reserved;
  const lost = (before.lost ?? 0) - reserved.lost;
  const returned = (before.returned ?? 0) - reserved.returned;
  const base = Math.max(cost * ticksPerToken, level - returned);
  const elapsed = now - at;
  // Where the clock stands before the take, as much was counted as lost when it stepped back.
  if (elapsed < 0) return Math.max(base - (lost + ticksPerMicro * elapsed), 0);
  // Compared as times: the product may pass 2^53.
  const left = base - lost;
  return elapsed >= Math.ceil(left / ticksPerMicro) ? 0 : left - ticksPerMicro * elapsed;
}
