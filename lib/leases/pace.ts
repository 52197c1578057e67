import type { LeaseTerms } from '../algorithms/lease-terms.js';

/** Who was granted less than it wanted asks again no sooner, in milliseconds: so commands are few however many are refused. */
export const PACE_MS = 16;

/** Where nothing was free, no more wait for the next answer: there will hardly be more for them, and promises are dear. */
export const MOST_WAITERS = 16;

/** After a failure nobody asks for so long, in milliseconds. */
export const PAUSE_MS = 250;

/** Less is never left as a margin, in milliseconds. */
const LEAST_MARGIN_MS = 5;

/** How far the clocks of a process and of the store may run apart: a fiftieth. */
const MARGIN_PART = 50;

/** How long before its expiry in the store a lease is spent no more, in milliseconds. */
export const marginOf = (ttlMs: number): number => Math.max(LEAST_MARGIN_MS, ttlMs / MARGIN_PART);

/** What is unspent is settled, renewed or returned after this part of its time. */
export const HALF = 0.5;

/** A lease is asked for more when less than this part of what it aims at is left. */
export const LOW_PART = 0.25;

/** A key is given up that is asked for less than this part of what it was taken up at: so it does not go to and fro. */
export const COLD_PART = 0.25;

/** What one process holds, if nothing else is said: with four of them none can hold all there is. */
const MOST_PART = 4;

/** So much is held of a key that is asked for seldom: sixteen processes then hold a quarter of it. */
const LEAST_PART = 64;

/**
 * How many tokens a lease aims at: what is asked for in two paces, for so long it takes to get more. Where that is little, as
 * much as a quarter of the lease's time may need, for a command should serve many; and never more than its part.
 */
export function targetFor(perMs: number, capacity: number, terms: LeaseTerms): number {
  const most = terms.tokens ?? Math.ceil(capacity / MOST_PART);
  const least = Math.min(capacity / LEAST_PART, (perMs * terms.ttlMs) / MOST_PART);
  return Math.min(most, Math.ceil(Math.max(perMs * 2 * PACE_MS, least)));
}

const LEAST_SHARE = 1 / 16;

/** Halved at once, and taken back slowly: processes that know nothing of each other come to an even share so. */
export const partAfter = (part: number, isTooMuch: boolean): number =>
  isTooMuch ? Math.max(part / 2, LEAST_SHARE) : Math.min(part * 1.02, 1);
