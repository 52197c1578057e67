// One call after the other, with nothing else in the loop: for calls that take less than a microsecond.
import { cpuHere } from './cpu.mjs';

/**
 * Calls that answer at once, without a promise.
 * @param {{ callNow: (index: number) => unknown, expectedNow?: (result: unknown) => boolean }} subject
 * @returns {{ cpu: number, perSecond: number }} microseconds of CPU per call, and calls per second
 */
export function syncLoop({ callNow, expectedNow = () => true }, { count }) {
  let unexpected = 0;
  const [cpu, start] = [cpuHere(), performance.now()];
  for (let index = 0; index < count; index++) if (!expectedNow(callNow(index))) unexpected++;
  return outcome(cpu, start, count, unexpected);
}

/** Calls that are awaited. */
export async function awaitedLoop({ call, expected = () => true }, { count }) {
  let unexpected = 0;
  const [cpu, start] = [cpuHere(), performance.now()];
  for (let index = 0; index < count; index++) if (!expected(await call(index))) unexpected++;
  return outcome(cpu, start, count, unexpected);
}

function outcome(cpu, start, count, unexpected) {
  const seconds = (performance.now() - start) / 1000;
  if (unexpected > 0) throw new Error(`${unexpected} of ${count} calls were not answered as expected`);
  return { cpu: (cpuHere() - cpu) / count, perSecond: count / seconds };
}
