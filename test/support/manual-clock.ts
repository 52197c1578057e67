/** A clock in microseconds that stands where it was put. */
export class ManualClock {
  constructor(public now: number) {}

  readonly read = (): number => this.now;
}
