import { serializeItem } from 'structured-headers';
import type { Limit } from '../../algorithms/limit.js';
import { nextTokenMs } from '../../algorithms/reading.js';
import { ceilDivide } from '../../algorithms/ticks.js';
import type { Outcome } from '../../limiter/judgement.js';
import type { PlacedPolicy } from '../../limiter/placed-policy.js';

export const STANDARD_FIELDS = ['RateLimit-Policy', 'RateLimit'] as const;

/** The largest integer that a structured field holds (RFC 9651, 3.3.1). */
const MAX_INTEGER = 999_999_999_999_999;

/** What a policy is called in the fields, and its member of the first: both are worked out once. */
interface Member {
  readonly limit: Limit;
  readonly name: string;
  readonly policy: string;
}

const members = new WeakMap<PlacedPolicy, Member>();

/**
 * `RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers-11, one member for each policy: q is the capacity, w the
 * seconds to refill all of it.
 */
export function rateLimitPolicyField(outcomes: readonly Outcome[]): string {
  return list(outcomes, (outcome) => memberOf(outcome).policy);
}

/**
 * `RateLimit` of the same draft: r is what remains, t the effective window, that is the seconds in which no more than r
 * can be used.
 */
export function rateLimitField(outcomes: readonly Outcome[]): string {
  return list(outcomes, (outcome) => {
    const { limit, decision, level, block } = outcome;
    const { remaining } = decision;
    const window = seconds(nextTokenMs(limit, { level, remaining, block }));
    // Integers are written as they are; the text before them is what a serializer has to know about.
    return `${memberOf(outcome).name};r=${clip(remaining)};t=${clip(window)}`;
  });
}

function list(outcomes: readonly Outcome[], memberFor: (outcome: Outcome) => string): string {
  return outcomes.length === 1 ? memberFor(outcomes[0] as Outcome) : outcomes.map(memberFor).join(', ');
}

function memberOf({ placed, limit }: Outcome): Member {
  const known = members.get(placed);
  if (known?.limit === limit) return known;
  const name = serializeItem(ascii(placed.id));
  const policy = `${name};q=${clip(limit.capacity)};w=${clip(refillSeconds(limit))}`;
  const member = { limit, name, policy };
  members.set(placed, member);
  return member;
}

const refillSeconds = ({ capacity, scale }: Limit): number =>
  Math.max(1, Math.ceil(Number(ceilDivide(capacity * scale.ticksPerToken, scale.ticksPerMicro)) / 1_000_000));

const seconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));

const clip = (value: number): number => Math.min(value, MAX_INTEGER);

/** A structured string holds printable ASCII only; a class may be called `Café`. */
const ascii = (text: string): string =>
  text.replace(/\p{Surrogate}/gu, '\ufffd').replace(/[^\x20-\x7e]/gu, encodeURIComponent);
