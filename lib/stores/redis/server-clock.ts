/**
 * How far two clocks are taken to run apart: 500 parts in a million. That is the most that NTP and `adjtime` make a clock
 * run faster or slower to set it right; clocks that nobody sets are ten times better.
 */
const DRIFT = 500e-6;

/**
 * Knows the server's time. Tells when the server has decided, on the monotonic clock of this process: hardly later than it did, and not sooner.
 *
 * A script reads the server's time between the sending of its call and the receipt of its reply. So `received − time` is
 * never below the true distance of the two clocks, and the least of what the replies have shown, plus what the clocks may
 * have drifted since, is the best known bound. One number is enough for that, because all grow alike.
 */
export class ServerClock {
  /** Not below the distance of the clocks (this process' minus the server's) at `boundAt`, in milliseconds. */
  private bound = Number.POSITIVE_INFINITY;
  private boundAt = 0;

  /**
   * Always between `sent` and `received`, so never farther off than one round trip, whatever the clocks do.
   * @param time the server's, in microseconds
   * @param sent when the call was sent, in milliseconds of `performance.now()`, as all but `time`
   */
  decidedAt(time: number, sent: number, received: number): number {
    const serverMs = time / 1000;
    const bound = this.bound + DRIFT * (received - this.boundAt);
    // Then the distance has grown: the server's clock was set back, or another server has answered. All begins anew.
    const isRefuted = sent - serverMs > bound;
    const sample = received - serverMs;
    this.bound = isRefuted ? sample : Math.min(bound, sample);
    this.boundAt = received;
    return Math.max(sent, serverMs + this.bound);
  }
  /**
   * What the server's clock will show at a local time, in whole microseconds: hardly earlier than that, and not later. Undefined
   * as long as no reply has told anything.
   */
  timeAt(local: number): number | undefined {
    if (this.bound === Number.POSITIVE_INFINITY) return undefined;
    const bound = this.bound + DRIFT * Math.max(0, local - this.boundAt);
    // Numbers of this size are exact to a quarter of a microsecond.
    return Math.floor((local - bound) * 1000) - 1;
  }
}
