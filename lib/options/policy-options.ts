import type { ExecutionContext } from '@nestjs/common';
import type { Awaitable } from '../common/awaitable.js';
import type { KeyResolver } from '../keys/index.js';

/** Tokens per second, or a text as `'5/s'`, `'100/min'`, `'1000/h'`, `'7/day'`, `'30/10s'`. */
export type Rate = number | string;

/** When a policy is decided: before the guards of controllers and methods, or after every guard. */
export type Stage = 'guard' | 'handler';

/** How many tokens a request takes: an integer of at least 0. Runs before pipes. */
export type CostResolver = (context: ExecutionContext) => Awaitable<number>;

export interface PolicyOptions {
  /** Makes the bucket the same wherever the name is used; without it the place is the scope. */
  name?: string;
  /** Tokens of a full token bucket, or requests that a leaky bucket may hold: an integer of at least 1. */
  capacity: number;
  /** Tokens refilled, or requests leaked, per time. */
  rate: Rate;
  /** Who is limited; by default the module's `key`. */
  key?: KeyResolver;
  /** Tokens a request takes, or a function that says it; by default 1. */
  cost?: number | CostResolver;
  /** By default `handler` for `byUser` and for a leaky bucket that waits, else `guard`. */
  stage?: Stage;
}

export type TokenBucketOptions = PolicyOptions;

export interface LeakyBucketOptions extends PolicyOptions {
  /** Refuse at once what would wait longer: whole milliseconds, at least 0. */
  maxWaitMs?: number;
  /** `false`: meter only, refuse what does not fit and never wait. */
  shape?: boolean;
}
