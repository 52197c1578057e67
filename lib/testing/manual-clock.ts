import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';

/** A time at which nothing that a store does with real time can interfere. */
const START_MS = Date.UTC(2100, 0);

/** A clock that stands still until it is moved. */
export class ManualClock {
  private micros = START_MS * 1000;

  /** The time in milliseconds. */
  get now(): number {
    return this.micros / 1000;
  }

  /** The time in whole microseconds, as stores read it: a function of its own, to be handed on. */
  readonly read = (): number => this.micros;

  /**
   * Moves the clock on by milliseconds; three decimals count.
   * @throws RateLimitError `INVALID_OPTION` for what is no number of at least 0
   */
  advance(milliseconds: number): void {
    if (!Number.isFinite(milliseconds) || milliseconds < 0) {
      throw new RateLimitError(
        'INVALID_OPTION',
        `ManualClock.advance: the time is ${show(milliseconds)}; write milliseconds, as 1000`,
      );
    }
    this.micros += Math.round(milliseconds * 1000);
  }
}
