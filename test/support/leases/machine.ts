import type { LeaseClock } from '../../../lib/leases/lease-clock.js';
import type { Events } from './events.js';

/** A machine with clocks of its own: they drift, and one of them stands still while it is suspended. */
export class Machine {
  isDead = false;
  /** Until then nothing that it sends arrives, and nothing reaches it. */
  cutOffUntil = 0;
  private resumesAt = 0;
  private sleepsSince = 0;
  private sleptFor = 0;

  constructor(
    private readonly events: Events,
    /** How much faster its clocks run, as a part. */
    private readonly drift: number,
    private readonly offsetMs: number,
    private readonly hasWallClock: boolean,
  ) {}

  readonly clock: LeaseClock = {
    now: () => this.monotonic(),
    wall: () => (this.hasWallClock ? this.offsetMs + (this.events.now / 1000) * (1 + this.drift) : 0),
    at: (time, call) => {
      let isCancelled = false;
      const wake = () => {
        if (isCancelled) return;
        const left = time - this.monotonic();
        // Beyond the resolution of the world's time.
        if (left > 0.002) this.later(Math.ceil((left * 1000) / (1 + this.drift)), wake);
        else call();
      };
      this.later(Math.max(1, Math.ceil(((time - this.monotonic()) * 1000) / (1 + this.drift))), wake);
      return () => {
        isCancelled = true;
      };
    },
  };

  /** Does something after so many microseconds, but not while it sleeps, and not when it has crashed. */
  later(micros: number, run: () => void): void {
    this.events.at(this.events.now + micros, () => this.whenAwake(run));
  }

  suspend(micros: number): void {
    const { now } = this.events;
    if (now < this.resumesAt) return;
    this.sleepsSince = now;
    this.resumesAt = now + micros;
    this.events.at(this.resumesAt, () => {
      this.sleptFor += micros;
    });
  }

  private whenAwake(run: () => void): void {
    if (this.isDead) return;
    if (this.events.now < this.resumesAt) this.events.at(this.resumesAt, () => this.whenAwake(run));
    else run();
  }

  private monotonic(): number {
    const { now } = this.events;
    const awake = (now < this.resumesAt ? this.sleepsSince : now) - this.sleptFor;
    return (awake / 1000) * (1 + this.drift);
  }
}
