/** A call that is given up where it has no answer by then. */
export interface Timed {
  /** In milliseconds of `performance.now()`. */
  readonly until: number;
  /** Where it stands among those under way; the list's own. */
  place: number;
  giveUp(): void;
}

/** The place of a call that is answered, or given up. */
const GONE = -1;

/** The deadlines of calls under way, with one timer for all: to set and clear one for each would cost as much as the call's other work. */
export class Deadlines {
  /** In any order. No set: what a V8 set has forgotten is kept by tables that outlive it, and each call has all of its batch. */
  private readonly calls: Timed[] = [];
  private timer: NodeJS.Timeout | undefined;
  /** When the timer fires. */
  private due = Number.POSITIVE_INFINITY;

  add(call: Timed): void {
    call.place = this.calls.push(call) - 1;
    if (call.until < this.due) this.arm(call.until);
    // Whoever waits keeps the process alive.
    else if (this.calls.length === 1) this.timer?.ref();
  }

  /** Of one that was added, once. */
  remove(call: Timed): void {
    const last = this.calls.pop() as Timed;
    if (last !== call) {
      this.calls[call.place] = last;
      last.place = call.place;
    }
    call.place = GONE;
    if (this.calls.length === 0) this.timer?.unref();
  }

  private arm(until: number): void {
    clearTimeout(this.timer);
    this.due = until;
    this.timer = setTimeout(this.ring, Math.max(0, until - performance.now()));
  }

  private readonly ring = (): void => {
    this.due = Number.POSITIVE_INFINITY;
    const now = performance.now();
    const late: Timed[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const call of this.calls) {
      if (call.until <= now) late.push(call);
      else next = Math.min(next, call.until);
    }
    if (next < Number.POSITIVE_INFINITY) this.arm(next);
    // A process that was busy finds timer and reply at once: the reply is read first then.
    if (late.length > 0) setImmediate(() => this.end(late));
  };

  private end(late: readonly Timed[]): void {
    for (const call of late) {
      if (call.place === GONE) continue;
      this.remove(call);
      call.giveUp();
    }
  }
}
