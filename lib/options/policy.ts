import type { Limit } from '../algorithms/limit.js';
import type { KeyResolver } from '../keys/index.js';
import type { CostResolver, Rate, Stage } from './policy-options.js';

/** An algorithm with its parameters and perhaps a name: checked and frozen. Made by `tokenBucket` or `leakyBucket`. */
export class Policy {
  readonly algorithm: 'token-bucket' | 'leaky-bucket';
  readonly name: string | undefined;
  readonly capacity: number;
  /** The rate as it was written. */
  readonly rate: Rate;
  /** The rate in force, in lowest terms. It is the written one, or, where that cannot be counted, the next below. */
  readonly effectiveRate: { readonly tokens: number; readonly perMicroseconds: number };
  readonly key: KeyResolver | undefined;
  readonly cost: number | CostResolver;
  readonly stage: Stage | undefined;
  /** The longest wait that is admitted, in milliseconds. */
  readonly maxWaitMs: number | undefined;
  /** @internal */
  readonly limit: Limit;

  /** @internal Use `tokenBucket` or `leakyBucket`. */
  constructor(fields: Omit<Policy, 'effectiveRate' | 'algorithm' | 'capacity'>) {
    const { algorithm, capacity, scale } = fields.limit;
    this.algorithm = algorithm;
    this.name = fields.name;
    this.capacity = capacity;
    this.rate = fields.rate;
    this.effectiveRate = { tokens: scale.ticksPerMicro, perMicroseconds: scale.ticksPerToken };
    this.key = fields.key;
    this.cost = fields.cost;
    this.stage = fields.stage;
    this.maxWaitMs = fields.maxWaitMs;
    this.limit = fields.limit;
    Object.freeze(this.effectiveRate);
    Object.freeze(this);
  }
}
