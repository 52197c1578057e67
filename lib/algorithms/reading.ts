import { raisedLevel, type Take } from './kernel.js';
import type { Limit, Reading, Verdict } from './limit.js';
import { ceilDivide, minus, type Ticks } from './ticks.js';

/** What a bucket answers, whichever algorithm has asked. */
export function readLevel(limit: Limit, take: Take, found: Ticks, verdict: Verdict): Reading {
  const raised = raisedLevel(take, found, verdict.wait);
  const fits = raised <= take.allowance;
  const level = verdict.admitted ? (raised as number) + take.add : found;
  const { ticksPerMicro } = limit.scale;
  return {
    fits,
    level,
    remaining: remainingTokens(limit, level),
    retryAfterMs: fits ? 0 : retryAfterMs(take, raised, verdict.margin),
    resetAfterMs: toMs(level, ticksPerMicro),
    delayMs: verdict.admitted && take.startLevel !== undefined ? microsToMs(verdict.wait) : 0,
  };
}

/** When the level has fallen to where the take is admitted; null where it never is. */
function retryAfterMs({ allowance, scale }: Take, raised: Ticks, margin: number): number | null {
  if (allowance < 0) return null;
  return microsToMs(minus(ceilDivide(minus(raised, allowance), scale.ticksPerMicro), -margin));
}

/** Whole tokens missing from nothing: what can be taken now, never below 0. */
export function remainingTokens(limit: Limit, level: Ticks): number {
  const { ticksPerToken } = limit.scale;
  const free = limit.capacity * ticksPerToken;
  return level >= free ? 0 : Math.floor((free - (level as number)) / ticksPerToken);
}

/** Milliseconds, rounded up, until one whole token more than now is free: no more can be used before. */
export function nextTokenMs(limit: Limit, level: Ticks): number {
  const { ticksPerToken, ticksPerMicro } = limit.scale;
  const target = (limit.capacity - remainingTokens(limit, level) - 1) * ticksPerToken;
  return toMs(minus(level, target), ticksPerMicro);
}

/** The time to drain so many ticks, in milliseconds, rounded up: `⌈⌈a ÷ b⌉ ÷ c⌉ = ⌈a ÷ (b × c)⌉`. */
export function toMs(ticks: Ticks, ticksPerMicro: number): number {
  return microsToMs(ceilDivide(ticks, ticksPerMicro));
}

export function microsToMs(micros: Ticks): number {
  return Number(ceilDivide(micros, 1000));
}
