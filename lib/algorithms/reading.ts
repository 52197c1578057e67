import { blockedLevel, claimed, fits, longestBlock, type NamelessTake, raisedLevel } from './kernel.js';
import { fallsToAfter, fullAt } from './lease-holds.js';
import type { Found } from './level.js';
import type { Limit, Reading, Share } from './limit.js';
import { type BucketRecord, FOREVER } from './record.js';
import { ceilDivide, larger, MAX_TICKS, minus, type Ticks } from './ticks.js';

type Left = Pick<Reading, 'level' | 'remaining' | 'block'>;

/** What a bucket answers, whichever algorithm has asked. */
export function readLevel(limit: Limit, take: NamelessTake, found: Found, share: Share): Reading {
  const admits = fits(take, found, share.wait);
  const own = share.charged
    ? (raisedLevel(take, found, share.wait) as number) + take.cost * take.scale.ticksPerToken
    : blockedLevel(take, found);
  const level = claimed(take, found, own);
  return {
    fits: admits,
    level,
    block: found.block,
    // Inside a block nothing can be taken; only a place in a line behind it.
    remaining: found.block > 0 && !limit.shapes ? 0 : remainingTokens(limit, level),
    retryAfterMs: admits ? 0 : retryAfterMs(take, found, share),
    resetAfterMs:
      found.leased === undefined
        ? toMs(level, limit.scale.ticksPerMicro)
        : resetBesideMs(found.leased, share.charged ? { ...take.scale, level: own as number } : {}),
    delayMs: share.charged && take.startLevel !== undefined ? microsToMs(share.wait) : 0,
  };
}

/**
 * The same of a take that admits at once or refuses, in a bucket that no block and no other scale is in the way of. One of several
 * is not charged where another refuses.
 */
export function readPlainLevel(
  limit: Limit,
  { cost, allowance, scale }: NamelessTake,
  found: number,
  areAllAdmitted = true,
): Reading {
  const admits = found <= allowance;
  const level = admits && areAllAdmitted ? found + cost * scale.ticksPerToken : found;
  return {
    fits: admits,
    level,
    block: 0,
    remaining: remainingTokens(limit, level),
    retryAfterMs: admits ? 0 : allowance < 0 ? null : toMs(found - allowance, scale.ticksPerMicro),
    resetAfterMs: toMs(level, limit.scale.ticksPerMicro),
    delayMs: 0,
  };
}

/** When the level has fallen to where the take is admitted, and no block is left that it would not wait for. */
export function retryAfterMs(
  take: NamelessTake,
  found: Found,
  { wait, margin }: Omit<Share, 'charged'>,
): number | null {
  const { allowance, scale } = take;
  if (allowance < 0 || found.block === FOREVER) return null;
  if (found.leased !== undefined)
    return microsToMs(Math.max(fitsBesideAfter(take, found.leased), found.block));
  const drained = ceilDivide(minus(raisedLevel(take, found, wait), allowance), scale.ticksPerMicro);
  return microsToMs(minus(larger(drained, found.block - longestBlock(take)), -margin));
}

/** Until the bucket is full where all that is held is spent when it expires. */
function resetBesideMs(leased: BucketRecord, after: Partial<BucketRecord>): number {
  return microsToMs(fullAt({ ...leased, ...after }) - leased.at);
}

/** In how many microseconds a take would be admitted where all that is held is spent when it expires. */
function fitsBesideAfter({ allowance, startLevel, scale }: NamelessTake, leased: BucketRecord): number {
  const { ticksPerToken, holds = [], at } = leased;
  // Nobody waits for a turn beside what is held, so that has to be over.
  const free = startLevel === undefined ? 0 : (holds.at(-1)?.expires ?? at) - at;
  if (ticksPerToken === scale.ticksPerToken) return Math.max(free, fallsToAfter(leased, allowance));
  // The reader sees whole tokens of the writer's, and falls by them: so up to one more has to drain, at the reader's rate.
  const tokens = Math.floor(allowance / scale.ticksPerToken);
  const most = Math.floor(MAX_TICKS / ticksPerToken);
  const step = Math.ceil(scale.ticksPerToken / scale.ticksPerMicro);
  return Math.max(free, fallsToAfter(leased, Math.min(tokens, most) * ticksPerToken) + step);
}

/** Whole tokens missing from nothing: what can be taken now, never below 0. */
export function remainingTokens(limit: Limit, level: Ticks): number {
  const { ticksPerToken } = limit.scale;
  const free = limit.capacity * ticksPerToken;
  return level >= free ? 0 : Math.floor((free - (level as number)) / ticksPerToken);
}

/** Milliseconds, rounded up, until one whole token more than now is free: no more can be used before. */
export function nextTokenMs(limit: Limit, { level, remaining, block }: Left): number {
  const { ticksPerToken, ticksPerMicro } = limit.scale;
  const target = (limit.capacity - remaining - 1) * ticksPerToken;
  return microsToMs(larger(ceilDivide(minus(level, target), ticksPerMicro), block));
}

/** The time to drain so many ticks, in milliseconds, rounded up: `⌈⌈a ÷ b⌉ ÷ c⌉ = ⌈a ÷ (b × c)⌉`. */
export function toMs(ticks: Ticks, ticksPerMicro: number): number {
  return microsToMs(ceilDivide(ticks, ticksPerMicro));
}

export function microsToMs(micros: Ticks): number {
  return Number(ceilDivide(micros, 1000));
}
