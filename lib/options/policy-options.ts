import type { ExecutionContext } from '@nestjs/common';
import type { Awaitable } from '../common/awaitable.js';
import type { KeyResolver } from '../keys/index.js';
import type { OnStoreError } from '../stores/store.interface.js';
import type { Limits, LimitsSource } from './limits.js';

/** When a policy is decided: before the guards of controllers and methods, or after every guard. */
export type Stage = 'guard' | 'handler';

/** How many tokens a request takes: an integer of at least 0. Runs before pipes. */
export type CostResolver = (context: ExecutionContext) => Awaitable<number>;

/** Whether a request is not limited: it is asked before the key, and awaited. */
export type SkipPredicate = (context: ExecutionContext) => Awaitable<boolean>;

/** How a policy in shadow mode is told. */
export interface ShadowOptions {
  /** Whether responses tell of it as of any other limit; by default they do not. */
  headers?: boolean;
}

/** How tokens are taken ahead. */
export interface LeaseOptions {
  /**
   * For how long, in milliseconds: 100 to 60,000, by default 1,000. What a process holds when it crashes is lost for so long,
   * and counts as spent.
   */
  ttlMs?: number;
  /** The most tokens of a key that a process holds at a time; by default a quarter of the capacity, rounded up. */
  tokens?: number;
  /** How many tokens of a key a process must be asked for in a second before it takes some ahead; by default 100. */
  perSecond?: number;
}

/** How the handler of a request has ended. */
export interface HandlerOutcome {
  /** What it has returned: the last value, if that is an observable. Undefined where there is none. */
  readonly result?: unknown;
  /** What it has thrown. */
  readonly error?: unknown;
  /** The caller has left before the end, or the turn of the request never came. */
  readonly aborted: boolean;
}

/** What a request has really cost, in tokens: an integer of at least 0. */
export type SettleResolver = (context: ExecutionContext, outcome: HandlerOutcome) => Awaitable<number>;

interface CommonOptions {
  /** Makes the bucket the same wherever the name is used; without it the place is the scope. */
  name?: string;
  /** Who is limited; by default the module's `key`. */
  key?: KeyResolver;
  /** Tokens a request takes, or a function that says it; by default 1. */
  cost?: number | CostResolver;
  /** By default `handler` for `byUser` and for a leaky bucket that waits, else `guard`. */
  stage?: Stage;
  /** Which requests are not limited: `fromIps('10.0.0.0/8')`, or a function. */
  skip?: SkipPredicate;
  /** Makes the cost an estimate, and says what it was when the handler has ended. Nobody waits for it. */
  settle?: SettleResolver;
  /** How far past the capacity a cost that was estimated too low may bring the bucket, in tokens; by default the capacity. */
  maxDebt?: number;
  /** How long an estimate can be settled, in milliseconds: 1,000 to a day; by default ten minutes. Then it stands. */
  reservationTtlMs?: number;
  /**
   * `true`: for keys that are asked for often, each process takes tokens ahead and spends them without asking Redis. It
   * never admits more. By default false. In memory it says nothing.
   */
  lease?: boolean | LeaseOptions;
  /** Keys that are not limited. */
  allow?: readonly string[];
  /** What a decision comes to where the store cannot be asked; by default what the module says. */
  onStoreError?: OnStoreError;
  /** `true`: evaluated and recorded, never enforced. By default what the module says. */
  shadow?: boolean | ShadowOptions;
}

/** Limits that are the same for every request. */
interface FixedLimits extends Limits {
  limits?: never;
  limitsTtlMs?: never;
}

/** Limits that depend on the request: on a user's plan, say. */
interface LimitsPerRequest {
  /** A function, or a class that some module provides; either may answer `'unlimited'`. */
  limits: LimitsSource;
  /** How long an answer is kept for a key, in milliseconds; by default it is asked for at each request. */
  limitsTtlMs?: number;
  capacity?: never;
  rate?: never;
}

export type PolicyOptions = CommonOptions & (FixedLimits | LimitsPerRequest);

export type TokenBucketOptions = PolicyOptions;

export type LeakyBucketOptions = PolicyOptions & LineOptions;

/** What a leaky bucket has besides. */
interface LineOptions {
  /** Refuse at once what would wait longer: whole milliseconds, at least 0. */
  maxWaitMs?: number;
  /** `false`: meter only, refuse what does not fit and never wait. */
  shape?: boolean;
}
