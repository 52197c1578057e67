import { heldIn } from '../algorithms/lease-holds.js';
import { levelAt } from '../algorithms/level.js';
import type { Limit } from '../algorithms/limit.js';
import { microsToMs, remainingTokens, toMs } from '../algorithms/reading.js';
import { blockOf, endOf, FOREVER } from '../algorithms/record.js';
import { ceilDivide, plus, product } from '../algorithms/ticks.js';
import type { Inspection } from '../stores/store.interface.js';
import type { PlacedPolicy } from './placed-policy.js';

/** What a bucket holds at the moment. */
export interface BucketState {
  /** The policy's name, or the place of one without a name. */
  readonly policy: string;
  readonly key: string;
  /** What the store calls it: in Redis its key. */
  readonly storeKey: string;
  /** Undefined where `limits` says it for each request. */
  readonly capacity: number | undefined;
  /** Tokens that are missing from a full bucket, or requests that a leaky bucket holds, rounded up. */
  readonly missing: number;
  /** Whole tokens (or places) that can be taken now; undefined where `limits` says the capacity for each request. */
  readonly remaining: number | undefined;
  /** After how long the bucket is full again, in milliseconds rounded up. */
  readonly fullAfterMs: number;
  /** For how long nothing starts, in milliseconds rounded up: 0 where it is not blocked, null until it is unblocked. */
  readonly blockedForMs: number | null;
}

interface Inspected {
  readonly placed: PlacedPolicy;
  readonly key: string;
  readonly limit?: Limit | undefined;
}

/** A bucket by the numbers of its policy, or by its own where the policy does not fix them. */
export function stateOf(bucket: Inspected, { name, record, now }: Inspection): BucketState {
  const { placed, key, limit = placed.policy.limit } = bucket;
  const scale = limit?.scale ?? record ?? { ticksPerToken: 1, ticksPerMicro: 1 };
  // What instances hold is taken, though it is in no level yet.
  const held = product(heldIn(record?.holds), scale.ticksPerToken);
  const level = record === undefined ? 0 : plus(levelAt(record, scale, now), held);
  const block = record === undefined ? 0 : blockOf(record, now);
  return {
    policy: placed.id,
    key,
    storeKey: name,
    capacity: limit?.capacity,
    missing: Number(ceilDivide(level, scale.ticksPerToken)),
    remaining: limit && (block > 0 && !limit.shapes ? 0 : remainingTokens(limit, level)),
    fullAfterMs:
      record?.holds === undefined
        ? toMs(level, scale.ticksPerMicro)
        : microsToMs(endOf({ ...record, blocked: 0 }) - now),
    blockedForMs: block === FOREVER ? null : microsToMs(block),
  };
}
