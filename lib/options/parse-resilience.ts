import { checkInteger, checkOneOf } from '../common/checks.js';
import type { OnStoreError } from '../stores/store.interface.js';
import { ON_STORE_ERROR } from './parse-policy.js';

interface ResilienceOptions {
  readonly storeTimeoutMs: number;
  readonly onStoreError: OnStoreError;
  readonly fallbackInstances: number;
}

/** Longer, and it is no deadline for a request. */
const MAX_TIMEOUT_MS = 60_000;

/** @throws RateLimitError `INVALID_OPTION` */
export function parseResilience(
  { storeTimeoutMs = 100, onStoreError = 'memory', fallbackInstances = 1 }: Partial<ResilienceOptions>,
  place: string,
): ResilienceOptions {
  checkInteger(storeTimeoutMs, 1, MAX_TIMEOUT_MS, `${place}: storeTimeoutMs`);
  checkOneOf(onStoreError, ON_STORE_ERROR, `${place}: onStoreError`);
  checkInteger(fallbackInstances, 1, 10_000, `${place}: fallbackInstances`);
  return { storeTimeoutMs, onStoreError, fallbackInstances };
}
