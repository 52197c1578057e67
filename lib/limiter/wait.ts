/** The longest delay that a timer takes; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Waits until a time of `performance.now()`. Timers may fire early: what is left is waited for again. */
export async function waitUntil(time: number): Promise<void> {
  for (let left = time - performance.now(); left > 0; left = time - performance.now()) {
    await new Promise((resolve) => setTimeout(resolve, Math.min(Math.ceil(left), LONGEST_TIMER_MS)));
  }
}
