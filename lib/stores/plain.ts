import type { Transaction } from './store.interface.js';

/**
 * Whether a transaction is decided at once, whatever its buckets hold, and is not to be undone or settled: nearly all are. A
 * store may have a quicker way for these.
 */
export function isPlain({ takes, pick, revocable }: Transaction): boolean {
  if (pick !== undefined || revocable === true) return false;
  for (const { startLevel, promises, reserve, returns } of takes) {
    if (startLevel !== undefined || promises || reserve !== undefined || returns !== undefined) return false;
  }
  return true;
}
