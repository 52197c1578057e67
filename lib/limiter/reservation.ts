import { randomBytes } from 'node:crypto';
import type { Hold } from '../algorithms/kernel.js';
import { checkObject } from '../common/checks.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';
import type { Decision } from './decision.js';

/** A cost that was taken as an estimate. A plain object: it may be kept as JSON, and settled by another process. */
export interface Reservation {
  /** Whether the estimate was taken. */
  readonly allowed: boolean;
  readonly decision: Decision;
  readonly policy: string;
  readonly key: string;
  /** The estimate, in tokens. */
  readonly cost: number;
  /** Undefined where nothing was taken. */
  readonly id: string | undefined;
}

/** What `settle` reads of a reservation. */
export type SettledReservation = Pick<Reservation, 'policy' | 'key'> & { readonly id?: string | undefined };

/** What came of settling a reservation. */
export interface Settlement {
  /** False where it was settled already, its time is over, or it was refused. */
  readonly settled: boolean;
  /**
   * Whole tokens by which the bucket was changed: positive for what was charged more, negative for what was given back.
   * Rounded up: at most so much was charged, or at least so much given back.
   */
  readonly charged: number;
}

const ID = /^[\w-]{16}$/;

/** 96 random bits, as text for a key. */
export const newReservationId = (): string => randomBytes(12).toString('base64url');

/** A new reservation that can be settled for so long. */
export const newHold = (ttlMs: number): Hold => ({ id: newReservationId(), ttlMicros: ttlMs * 1000 });

/** @throws RateLimitError `INVALID_OPTION` */
export function checkReservation(reservation: SettledReservation, place: string): void {
  checkObject(reservation, place, 'what reserve has answered');
  const { id } = reservation;
  if (id === undefined || (typeof id === 'string' && ID.test(id))) return;
  throw new RateLimitError(
    'INVALID_OPTION',
    `${place}: the id of the reservation is ${show(id)}; write what reserve has answered`,
  );
}
