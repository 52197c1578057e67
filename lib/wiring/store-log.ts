import type { Logger } from '@nestjs/common';
import type { StoreChange, StoreHealth } from '../resilience/store-health.js';

/** More are not remembered: the one that was told first may be told again. */
const MOST_KEYS = 1000;

/** Logs once when the store stops deciding, and once when it decides again. */
export function logChanges(health: StoreHealth, logger: Logger): void {
  health.onChange((change) =>
    change.state === 'open' ? logger.warn(opened(change)) : logger.log(closed(change)),
  );
}

const nameOf = (node: string): string => (node === '' ? 'the store' : `node ${node} of the store`);

const opened = ({ node, reason }: StoreChange): string =>
  `${nameOf(node)} does not decide (${reason}); until it does, decisions are made as onStoreError says`;

const closed = ({ node, openForMs = 0 }: StoreChange): string =>
  `${nameOf(node)} decides again, after ${(openForMs / 1000).toFixed(1)} s`;

/** Logs failures that concern one key, each key once: its decisions are made as `onStoreError` says. */
export function logKeyFailures(logger: Logger): (key: string, error: unknown) => void {
  const told = new Set<string>();
  return (key, error) => {
    if (told.has(key)) return;
    told.add(key);
    if (told.size > MOST_KEYS) told.delete(told.values().next().value as string);
    const reason = error instanceof Error ? error.message : String(error);
    logger.error(`the store cannot decide '${key}' (told once): ${reason}`);
  };
}
