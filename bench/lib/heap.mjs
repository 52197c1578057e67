// What lives on the heap of this process, in bytes, when all that is garbage has gone. Needs --expose-gc.
import { setTimeout as sleep } from 'node:timers/promises';

export async function liveBytes() {
  for (let i = 0; i < 4; i++) {
    globalThis.gc();
    await sleep(20);
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/**
 * Bytes per key, its text included, of what a subject keeps.
 * @param {{ fill: (key: string) => unknown }} subject
 */
export async function bytesPerKey({ fill }, { count }) {
  // What the first call makes V8 compile is no key's.
  await fill('first');
  const before = await liveBytes();
  for (let i = 0; i < count; i++) await fill(`user-${i}`);
  return ((await liveBytes()) - before) / count;
}
