import type { ExecutionContext, Type } from '@nestjs/common';
import type { Limit } from '../algorithms/limit.js';
import { parseRate } from '../algorithms/rate.js';
import { fitScale, type Scale } from '../algorithms/ticks.js';
import type { Awaitable } from '../common/awaitable.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';

/** Tokens per second, or a text as `'5/s'`, `'100/min'`, `'1000/h'`, `'7/day'`, `'30/10s'`. */
export type Rate = number | string;

/** The numbers of a bucket. */
export interface Limits {
  /** Tokens of a full token bucket, or requests that a leaky bucket may hold: an integer of at least 1. */
  capacity: number;
  /** Tokens refilled, or requests leaked, per time. */
  rate: Rate;
}

/** Says the limits of one request, for the key that is limited. Runs before pipes. */
export type LimitsFunction = (context: ExecutionContext, key: string) => Awaitable<Limits | 'unlimited'>;

/** The same as a provider of any module, with dependencies of its own; it may be request-scoped. */
export interface LimitsResolver {
  limitsFor(context: ExecutionContext, key: string): Awaitable<Limits | 'unlimited'>;
}

export type LimitsSource = LimitsFunction | Type<LimitsResolver>;

/** What is the same for all limits of a policy: a part of its `Limit`. */
export type Shape = Omit<Limit, 'capacity' | 'scale'>;

/**
 * The numbers as the kernel needs them.
 * @throws RateLimitError `INVALID_CAPACITY`, `INVALID_RATE`, `RATE_DOES_NOT_FIT`
 */
export function parseLimits({ capacity, rate }: Limits, shape: Shape, place: string): Limit {
  checkCapacity(capacity, place);
  return Object.freeze({ ...shape, capacity, scale: scaleOf(rate, capacity, place) });
}

function checkCapacity(capacity: unknown, place: string): asserts capacity is number {
  if (Number.isSafeInteger(capacity) && (capacity as number) >= 1) return;
  throw new RateLimitError(
    'INVALID_CAPACITY',
    `${place}: capacity is ${show(capacity)}; write an integer of at least 1, as capacity: 10`,
  );
}

function scaleOf(rate: Rate, capacity: number, place: string): Scale {
  const fraction = typeof rate === 'number' || typeof rate === 'string' ? parseRate(rate) : undefined;
  if (fraction === undefined) {
    throw new RateLimitError(
      'INVALID_RATE',
      `${place}: rate is ${show(rate)}; write a number above 0 (per second) or a text as '5/s', '100/min', '1000/h', '7/day', '30/10s'`,
    );
  }
  const scale = fitScale(fraction, capacity);
  if (scale !== undefined) return Object.freeze(scale);
  throw new RateLimitError(
    'RATE_DOES_NOT_FIT',
    `${place}: capacity ${capacity} at rate ${show(rate)} is ${fraction.numerator} tokens in ${fraction.denominator} µs, and ${fraction.numerator} or ${capacity} × ${fraction.denominator} passes 2^53 - 1, even with the rate lowered by one part in 10^9; write a rounder rate or a smaller capacity`,
  );
}

/**
 * The limits that somebody has answered for a policy.
 * @throws RateLimitError `INVALID_LIMITS`, `INVALID_CAPACITY`, `INVALID_RATE`, `RATE_DOES_NOT_FIT`
 */
export function readLimits({ shape }: { readonly shape: Shape }, limits: Limits, place: string): Limit {
  if (typeof limits === 'object' && limits !== null) return parseLimits(limits, shape, place);
  throw new RateLimitError(
    'INVALID_LIMITS',
    `${place}: the answer is ${show(limits)}; answer { capacity, rate } or 'unlimited'`,
  );
}
