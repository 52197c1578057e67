// Calls at a rate, whether earlier ones are answered or not: what comes from outside waits for nobody.
import { cpuHere } from './cpu.mjs';

/** At a shorter one most of the CPU would be that of the timer. */
const TICK_MS = 10;
/** A server that does not keep up is not asked for more. */
const MOST_IN_FLIGHT = 1000;

/**
 * @param {(index: number) => Promise<unknown>} call
 * @param {(result: unknown) => boolean} isAdmitted
 * @returns a subject whose calls start with `start({ perSecond })` and which tells with `look()` what has become of them
 */
export function paced(call, isAdmitted) {
  const counts = { admitted: 0, refused: 0, failed: 0 };
  let next = 0;
  let inFlight = 0;
  const tally = (result) => {
    inFlight--;
    if (isAdmitted(result)) counts.admitted++;
    else counts.refused++;
  };
  // One of the peers refuses with a rejection that is no error.
  const tallyRejection = (reason) => {
    if (!(reason instanceof Error)) return tally(reason);
    inFlight--;
    counts.failed++;
  };
  const start = ({ perSecond }) => {
    let due = 0;
    let last = performance.now();
    setInterval(() => {
      const now = performance.now();
      due = Math.min(due + ((now - last) * perSecond) / 1000, MOST_IN_FLIGHT);
      last = now;
      for (; due >= 1 && inFlight < MOST_IN_FLIGHT; due--) {
        inFlight++;
        call(next++).then(tally, tallyRejection);
      }
    }, TICK_MS);
  };
  return {
    start,
    look: () => ({ ...counts, cpu: cpuHere(), at: performance.timeOrigin + performance.now() }),
  };
}
