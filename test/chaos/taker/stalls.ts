import { clock, type Diary } from './diary.js';

const EVERY_MS = 5;
/** Less is how timers are. */
const NOTABLE_NS = 3_000_000n;

/**
 * Writes down when this process was kept from its work, by the machine or by itself: answers are later by then, whatever is
 * asked. It is known to a tick, and the tick before belongs to it.
 */
export function watchStalls(diary: Diary): NodeJS.Timeout {
  let last = clock();
  return setInterval(() => {
    const [due, now] = [last + BigInt(EVERY_MS) * 1_000_000n, clock()];
    if (now - due > NOTABLE_NS) diary.stall(last, now);
    last = now;
  }, EVERY_MS);
}
