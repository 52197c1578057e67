/** The times that a lease goes by. */
export interface LeaseClock {
  /** In milliseconds; never steps. On a machine that is suspended it may stand still. */
  now(): number;
  /** In milliseconds since 1970. */
  wall(): number;
  /** Calls back at or after a time of `now`; answers how that is cancelled. */
  at(time: number, call: () => void): () => void;
}

export const systemClock: LeaseClock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  at(time, call) {
    // What is held expires by itself: nothing is lost with a process that ends.
    const timer = setTimeout(call, Math.ceil(time - performance.now())).unref();
    return () => clearTimeout(timer);
  },
};
