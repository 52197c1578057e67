import { drain, type Scale } from './ticks.js';

/** Tokens that an instance has taken ahead and may still spend: one lease of a bucket. */
export interface HeldTokens {
  /** A name of its own: it is never used again after the lease was returned. */
  readonly id: string;
  /** Whole tokens that may be spent and are not in the level yet. They do not drain. */
  readonly held: number;
  /** Whole tokens that were spent since the lease began, and are in the level. */
  readonly settled: number;
  /** In microseconds of the store's clock: from here on all that is held counts as spent. */
  readonly expires: number;
}

/** What was spent of a lease. */
export interface LeaseSpent {
  /** A name of its own, of letters, digits, `-` and `_`. It is never used again after the lease was returned. */
  readonly id: string;
  /** Whole tokens since the lease began. It only grows. */
  readonly total: number;
}

/** Leases in the order in which they expire. */
export type Holds = readonly HeldTokens[];

/** What is left of a bucket while tokens of it are held. */
export interface Holding extends Scale {
  readonly level: number;
  readonly at: number;
  /** Never empty. */
  readonly holds?: Holds;
}

/** More are not granted for a bucket at a time. */
export const MOST_HOLDS = 64;

export function heldIn(holds: Holds | undefined): number {
  if (holds === undefined) return 0;
  let held = 0;
  for (const hold of holds) held += hold.held;
  return held;
}

/** With one more, in its place. */
export function withHold(holds: Holds, hold: HeldTokens): Holds {
  const place = holds.findIndex(({ expires }) => expires > hold.expires);
  return place === -1 ? [...holds, hold] : [...holds.slice(0, place), hold, ...holds.slice(place)];
}

/** Moved back with the clock, so that a lease lasts as long as it was granted for. */
export const movedBack = (holds: Holds, micros: number): Holds =>
  holds.map((hold) => ({ ...hold, expires: hold.expires - micros }));

export function sameHolds(a: Holds | undefined, b: Holds | undefined): boolean {
  if (a === b) return true;
  if (a?.length !== b?.length) return false;
  return (a as Holds).every((one, i) => {
    const { id, held, settled, expires } = (b as Holds)[i] as HeldTokens;
    return one.id === id && one.held === held && one.settled === settled && one.expires === expires;
  });
}

/**
 * What a record says once the leases that have expired are settled, in order: it drains to that expiry, all that is held
 * joins the level as spent, and it drains on. Nobody knows when they were spent, and a spend that is moved later only raises
 * the level.
 */
export function settleExpired<R extends Holding>(record: R, now: number): R {
  const { holds } = record;
  if (holds === undefined || (holds[0] as HeldTokens).expires > now) return record;
  const later = holds.filter(({ expires }) => expires > now);
  const expired = holds.slice(0, holds.length - later.length);
  const { holds: _, ...rest } = { ...record, ...spentBy(record, expired) };
  return (later.length === 0 ? rest : { ...rest, holds: later }) as R;
}

/** When a bucket is full where all that is held was spent at its expiry: microseconds of the store's clock, rounded up. */
export function fullAt(record: Holding): number {
  const { level, at } = spentBy(record, record.holds ?? []);
  return at + Math.ceil(level / record.ticksPerMicro);
}

/**
 * In how many microseconds the level and all that is held come down to so many ticks of the record, where everything that
 * is held is spent at its expiry: before that it drains nothing.
 */
export function fallsToAfter(record: Holding, ticks: number): number {
  const { ticksPerToken, ticksPerMicro, holds = [] } = record;
  let { level, at } = record;
  let excess = level + heldIn(holds) * ticksPerToken - ticks;
  for (const { held, expires } of holds) {
    const wait = Math.ceil(Math.max(excess, 0) / ticksPerMicro);
    if (excess <= level && wait <= expires - at) return at + wait - record.at;
    const left = drain(level, ticksPerMicro, expires - at);
    excess -= level - left;
    [level, at] = [left + held * ticksPerToken, expires];
  }
  return at + Math.ceil(Math.max(excess, 0) / ticksPerMicro) - record.at;
}

/** The level after these leases have expired, one after another. */
function spentBy(record: Holding, holds: Holds): { readonly level: number; readonly at: number } {
  let { level, at } = record;
  for (const { held, expires } of holds) {
    level = drain(level, record.ticksPerMicro, expires - at) + held * record.ticksPerToken;
    at = expires;
  }
  return { level, at };
}
