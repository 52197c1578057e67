import type { LeaseTerms } from '../algorithms/lease-terms.js';
import type { Limit } from '../algorithms/limit.js';
import type { KeyResolver } from '../keys/index.js';
import type { OnStoreError } from '../stores/store.interface.js';
import type { LimitsSource, Rate, Shape } from './limits.js';
import type { CostResolver, SettleResolver, SkipPredicate, Stage } from './policy-options.js';

/** Shadow mode: `false` is enforced. */
export type Shadow = false | { readonly headers: boolean };

interface PolicyFields {
  readonly name: string | undefined;
  readonly rate: Rate | undefined;
  readonly key: KeyResolver | undefined;
  readonly cost: number | CostResolver;
  readonly stage: Stage | undefined;
  readonly maxWaitMs: number | undefined;
  readonly limits: LimitsSource | undefined;
  readonly limitsTtlMs: number;
  readonly skip: SkipPredicate | undefined;
  readonly allow: ReadonlySet<string>;
  readonly onStoreError: OnStoreError | undefined;
  readonly shadow: Shadow | undefined;
  readonly settle: SettleResolver | undefined;
  readonly maxDebt: number | undefined;
  readonly reservationTtlMs: number;
  readonly shape: Shape;
  readonly limit: Limit | undefined;
}

/** An algorithm with its parameters and perhaps a name: checked and frozen. Made by `tokenBucket` or `leakyBucket`. */
export class Policy {
  readonly algorithm: 'token-bucket' | 'leaky-bucket';
  readonly name: string | undefined;
  /** Undefined where `limits` says it for each request. */
  readonly capacity: number | undefined;
  /** The rate as it was written; undefined where `limits` says it. */
  readonly rate: Rate | undefined;
  /** The rate in force, in lowest terms. It is the written one, or, where that cannot be counted, the next below. */
  readonly effectiveRate: { readonly tokens: number; readonly perMicroseconds: number } | undefined;
  readonly key: KeyResolver | undefined;
  readonly cost: number | CostResolver;
  readonly stage: Stage | undefined;
  /** The longest wait that is admitted, in milliseconds. */
  readonly maxWaitMs: number | undefined;
  /** What says capacity and rate of a request, where they are not fixed. */
  readonly limits: LimitsSource | undefined;
  /** How long its answer is kept for a key, in milliseconds. */
  readonly limitsTtlMs: number;
  /** Which requests are not limited. */
  readonly skip: SkipPredicate | undefined;
  /** Keys that are not limited. */
  readonly allow: ReadonlySet<string>;
  /** What a decision comes to where the store cannot be asked; undefined: what the module says. */
  readonly onStoreError: OnStoreError | undefined;
  /** Whether it is evaluated without being enforced; undefined: what the module says. */
  readonly shadow: Shadow | undefined;
  /** What says the actual cost of a request when its handler has ended. */
  readonly settle: SettleResolver | undefined;
  /** How far past the capacity a debt may bring the bucket, in tokens; undefined: as far as the capacity is. */
  readonly maxDebt: number | undefined;
  /** How long an estimate can be settled, in milliseconds. */
  readonly reservationTtlMs: number;
  /** How processes take tokens ahead; undefined: they do not. */
  readonly lease: LeaseTerms | undefined;
  /** @internal */
  readonly shape: Shape;
  /** @internal Undefined where `limits` says it. */
  readonly limit: Limit | undefined;

  /** @internal Use `tokenBucket` or `leakyBucket`. */
  constructor(fields: PolicyFields) {
    const { limit, shape } = fields;
    this.algorithm = shape.algorithm;
    this.name = fields.name;
    this.capacity = limit?.capacity;
    this.rate = fields.rate;
    this.effectiveRate =
      limit &&
      Object.freeze({ tokens: limit.scale.ticksPerMicro, perMicroseconds: limit.scale.ticksPerToken });
    this.key = fields.key;
    this.cost = fields.cost;
    this.stage = fields.stage;
    this.maxWaitMs = fields.maxWaitMs;
    this.limits = fields.limits;
    this.limitsTtlMs = fields.limitsTtlMs;
    this.skip = fields.skip;
    this.allow = fields.allow;
    this.onStoreError = fields.onStoreError;
    this.shadow = fields.shadow;
    this.settle = fields.settle;
    this.maxDebt = fields.maxDebt;
    this.reservationTtlMs = fields.reservationTtlMs;
    this.lease = shape.lease;
    this.shape = shape;
    this.limit = limit;
    Object.freeze(this);
  }
}

/** A policy without a name, as messages call it. */
export const describe = ({ algorithm, capacity }: Policy): string =>
  capacity === undefined ? `${algorithm} with limits` : `${algorithm} of capacity ${capacity}`;
