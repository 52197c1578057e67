import { type BucketRecord, isPromised, later, MAX, type Mark, written } from './bucket-record.js';
import { levelFor, type OraclePolicy } from './oracle.js';
import { compare, max, type Rational, whole, ZERO } from './rational.js';

/** What a provider has said of itself. */
export interface Report {
  readonly remaining?: number;
  readonly retryAfterMicros?: bigint;
  /** Of the decision that was answered. */
  readonly mark?: Mark;
}

export interface Synced {
  /** To be kept; undefined: nothing is left to be kept. */
  readonly record: BucketRecord | undefined;
  /** Levels in tokens, before and after. */
  readonly level: Rational;
  readonly target: Rational;
  /** From a decision after all that were reported. */
  readonly newer: boolean;
  /** The mark counts from another time than the record. */
  readonly otherLife: boolean;
  /** Newer and lower, but a start lies ahead or the policy shapes. */
  readonly held: boolean;
}

/** `record` as found: rebased, undefined where it counts as absent. */
export function synced(
  record: BucketRecord | undefined,
  now: bigint,
  policy: OraclePolicy,
  { remaining, retryAfterMicros = 0n, mark }: Report,
): Synced {
  const level = levelFor(policy, record, now);
  const count = record?.count;
  const sameLife = count !== undefined && mark !== undefined && mark.since === count.since;
  // A decision ahead of the count was undone.
  const known = sameLife && mark.sent <= count.sent;
  const newer = remaining !== undefined && known && mark.sent > count.synced;
  const missing = remaining === undefined ? ZERO : missingOf(policy, remaining, sentSince(record, mark));
  const mayLower = newer && !policy.shapes && !isPromised(record, now);
  const target = mayLower ? missing : max(level, missing);
  const until = retryAfterMicros > 0n ? least(now + retryAfterMicros, MAX) : undefined;
  const { tokens, micros } = policy;
  const levelled = { level: target, at: now, tokens, micros };
  const next: BucketRecord = {
    ...(record ?? levelled),
    ...(compare(target, level) === 0 ? {} : levelled),
    blocked: later(record?.blocked, until),
    ...(newer && count && mark ? { count: { ...count, synced: mark.sent } } : {}),
  };
  const changed =
    record === undefined || newer || compare(target, level) !== 0 || next.blocked !== record.blocked;
  return {
    record: changed ? written(next, now) : record,
    level,
    target,
    newer,
    otherLife: remaining !== undefined && count !== undefined && mark !== undefined && !sameLife,
    held: newer && !mayLower && compare(missing, level) < 0,
  };
}

/** In whole tokens. */
function missingOf({ capacity, micros }: OraclePolicy, remaining: number, since: bigint): Rational {
  const missing = BigInt(capacity) - BigInt(remaining) + since;
  return whole(missing < 0n ? 0n : least(missing, MAX / micros));
}

/** Tokens taken after the decision that the report answers; all, where that was in another life. */
function sentSince(record: BucketRecord | undefined, mark: Mark | undefined): bigint {
  const count = record?.count;
  if (count === undefined || mark === undefined) return 0n;
  if (mark.since !== count.since) return count.sent;
  return mark.sent > count.sent ? 0n : count.sent - mark.sent;
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
