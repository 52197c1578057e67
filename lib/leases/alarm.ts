import type { LeaseClock } from './lease-clock.js';

/** One timer for all that is due, set to what comes first. */
export class Alarm {
  private time = Number.POSITIVE_INFINITY;
  private cancel: (() => void) | undefined;

  constructor(
    private readonly clock: LeaseClock,
    private readonly ring: () => void,
  ) {}

  /** Rings then at the latest. */
  set(time: number): void {
    if (time >= this.time) return;
    this.cancel?.();
    this.time = time;
    this.cancel = this.clock.at(time, () => {
      this.time = Number.POSITIVE_INFINITY;
      this.ring();
    });
  }

  stop(): void {
    this.cancel?.();
    this.time = Number.POSITIVE_INFINITY;
  }
}
