/** The time in whole microseconds. Only differences matter. */
export type Clock = () => number;

/** The time of this process: it never steps, whatever is done to the machine's clock. */
export const monotonicClock: Clock = () => Math.floor(performance.now() * 1000);
