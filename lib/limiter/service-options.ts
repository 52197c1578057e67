import { checkInteger, checkKnownOptions, checkObject } from '../common/checks.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';
import type { ConsumeOptions } from './charge-reader.js';
import type { PickOptions } from './pick.js';

export interface AcquireOptions extends ConsumeOptions {
  /**
   * Refuse at once what would wait longer: whole milliseconds. By default, at a token bucket the time to fill all of it
   * (`capacity ÷ rate`), at a leaky bucket what the policy says; there it can only be shortened.
   */
  maxWaitMs?: number;
  /** Ends the wait when it is aborted. */
  signal?: AbortSignal;
}

export interface AcquireAnyOptions extends PickOptions, Omit<AcquireOptions, 'cost' | 'limits'> {}

export interface ScheduleOptions extends Omit<AcquireOptions, 'signal'> {
  /** Told what a task throws, or that its turn will not come any more. By default it is logged. */
  onError?: (error: unknown) => void;
}

export interface ReserveOptions extends ConsumeOptions {
  /** How long it can be settled, in whole milliseconds: 1,000 to a day. By default the policy's `reservationTtlMs`. */
  ttlMs?: number;
}

export interface BlockOptions extends Pick<ConsumeOptions, 'limits'> {
  /** For how long, in whole milliseconds; by default until `unblock`. */
  forMs?: number;
}

/** @throws RateLimitError `INVALID_OPTION`, `UNKNOWN_OPTION` */
export function checkOptions(options: object, known: readonly string[], place: string): void {
  checkObject(options, place, EXAMPLES[known[0] as keyof typeof EXAMPLES]);
  checkKnownOptions(options, known, place);
}

/** Of the first option that a method knows. */
const EXAMPLES = { cost: '{ cost: 2 }', prefer: '{ prefer: 0 }', forMs: '{ forMs: 60_000 }' };

export function checkPreference(prefer: number | undefined, choices: number, place: string): void {
  if (prefer !== undefined) checkInteger(prefer, 0, choices - 1, `${place}: prefer`);
}

export function checkSignal(signal: unknown, place: string): void {
  if (signal === undefined || signal instanceof AbortSignal) return;
  throw new RateLimitError('INVALID_OPTION', `${place}: signal is ${show(signal)}; write an AbortSignal`);
}
