import type { NamelessTake, Take } from '../algorithms/kernel.js';
import type { Found } from '../algorithms/level.js';
import { larger, plus, product, type Ticks } from '../algorithms/ticks.js';
import type { LeaseState, StoreMoment, TransactionReply } from '../stores/store.interface.js';
import type { BucketLease } from './bucket-lease.js';

const NONE: readonly never[] = Object.freeze([]);
const FIRST: readonly number[] = Object.freeze([0]);
const NO_MARK: readonly undefined[] = Object.freeze([undefined]);

/**
 * A bucket as it is at the most used: all but what is left of the lease is taken. What else is free in the store nobody here
 * knows, so `remaining` is what is certainly left.
 */
export const levelBy = ({ capacity, scale }: Pick<Take, 'capacity' | 'scale'>, lease: BucketLease): number =>
  (capacity - Math.max(lease.left, 0)) * scale.ticksPerToken;

export const foundBy = (take: Take, lease: BucketLease): Found => ({
  level: levelBy(take, lease),
  block: 0,
  blockEnd: 0,
  stepped: false,
});

/** A level that has fallen to where the take is admitted when it would be, and not sooner. */
export function refusedLevelBy(take: NamelessTake, lease: BucketLease, now: number): Ticks {
  const level = levelBy(take, lease);
  const waitMs = (lease.short?.admits(take) ?? now) - now;
  if (take.allowance < 0 || waitMs === Number.POSITIVE_INFINITY) return level;
  const excess = product(take.scale.ticksPerMicro, Math.max(1, Math.ceil(waitMs * 1000)));
  return larger(level, plus(take.allowance, excess));
}

export const refusedBy = (take: Take, lease: BucketLease, now: number): Found => ({
  ...foundBy(take, lease),
  level: refusedLevelBy(take, lease, now),
});

export function admitted(
  found: readonly Found[],
  counted: boolean,
  lease: BucketLease,
  now: number,
): TransactionReply {
  const { length } = found;
  const charged = length === 1 ? FIRST : found.map((_, i) => i);
  const marks = !counted ? NONE : length === 1 ? NO_MARK : found.map(() => undefined);
  return replyOf(true, found, charged, marks, lease, now);
}

export const refused = (
  found: readonly Found[],
  _counted: boolean,
  lease: BucketLease,
  now: number,
): TransactionReply => replyOf(false, found, NONE, NONE, lease, now);

function replyOf(
  isAdmitted: boolean,
  found: readonly Found[],
  charged: readonly number[],
  marks: TransactionReply['marks'],
  { state }: BucketLease,
  decidedAt: number,
): TransactionReply {
  const told = state as LeaseState;
  const now = timeAt(told, decidedAt);
  return { admitted: isAdmitted, source: told.source, now, decidedAt, found, charged, marks, changes: NONE };
}

/** The store's time, in microseconds, by its last answer. */
export const timeAt = ({ now: then, decidedAt }: StoreMoment, now: number): number =>
  then + Math.max(0, Math.floor((now - decidedAt) * 1000));
