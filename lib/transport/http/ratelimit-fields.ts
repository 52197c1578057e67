import { type BareItem, type Item, serializeList } from 'structured-headers';
import type { Limit } from '../../algorithms/limit.js';
import { nextTokenMs } from '../../algorithms/reading.js';
import { ceilDivide } from '../../algorithms/ticks.js';
import type { Outcome } from '../../limiter/judgement.js';

/** The largest integer that a structured field holds (RFC 9651, 3.3.1). */
const MAX_INTEGER = 999_999_999_999_999;

/**
 * `RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers-11, one member for each policy: q is the capacity, w the
 * seconds to refill all of it.
 */
function rateLimitPolicyField(outcomes: readonly Outcome[]): string {
  return list(outcomes, ({ limit }) => ({ q: limit.capacity, w: refillSeconds(limit) }));
}

/**
 * `RateLimit` of the same draft: r is what remains, t the effective window, that is the seconds in which no more than r
 * can be used.
 */
function rateLimitField(outcomes: readonly Outcome[]): string {
  return list(outcomes, ({ limit, decision: { remaining }, level, block }) => ({
    r: remaining,
    t: seconds(nextTokenMs(limit, { level, remaining, block })),
  }));
}

export const STANDARD_FIELDS = ['RateLimit-Policy', 'RateLimit'] as const;

export function standardFields(outcomes: readonly Outcome[]): [string, string][] {
  return [
    ['RateLimit-Policy', rateLimitPolicyField(outcomes)],
    ['RateLimit', rateLimitField(outcomes)],
  ];
}

type Parameters = Readonly<Record<string, number>>;

function list(outcomes: readonly Outcome[], parametersOf: (outcome: Outcome) => Parameters): string {
  const members = outcomes.map((outcome): Item => {
    const parameters = Object.entries(parametersOf(outcome));
    return [
      ascii(outcome.placed.id),
      new Map<string, BareItem>(parameters.map(([name, n]) => [name, clip(n)])),
    ];
  });
  return serializeList(members);
}

const refillSeconds = ({ capacity, scale }: Limit): number =>
  Math.max(1, Math.ceil(Number(ceilDivide(capacity * scale.ticksPerToken, scale.ticksPerMicro)) / 1_000_000));

const seconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));

const clip = (value: number): number => Math.min(value, MAX_INTEGER);

/** A structured string holds printable ASCII only; a class may be called `Café`. */
const ascii = (text: string): string =>
  text.replace(/\p{Surrogate}/gu, '\ufffd').replace(/[^\x20-\x7e]/gu, encodeURIComponent);
