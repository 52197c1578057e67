// Several processes that start and stop as one.
import { setTimeout as sleep } from 'node:timers/promises';

interface Stoppable {
  stop(): Promise<void>;
}

export const stopAll = async (all: readonly Stoppable[]): Promise<void> => {
  await Promise.all(all.map((one) => one.stop()));
};

/** All of them; where one does not start, none is left. */
export async function startTogether<T extends Stoppable>(
  count: number,
  start: (index: number) => Promise<T>,
): Promise<T[]> {
  const started = await Promise.allSettled(Array.from({ length: count }, (_, index) => start(index)));
  const running = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failed = started.find((result) => result.status === 'rejected');
  if (!failed) return running;
  await stopAll(running);
  throw failed.reason;
}

/** Asks again until it is so; what a question fails with counts as no, and is told in the end. */
export async function untilTrue(
  what: string,
  withinMs: number,
  question: () => Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  let cause: unknown;
  while (performance.now() < deadline) {
    try {
      if (await question()) return;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    await sleep(10);
  }
  throw new Error(`It took more than ${withinMs} ms until ${what}.`, { cause });
}
