import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';
import type { Store } from '../stores/store.interface.js';

// By the interface, so that a method that is added there is asked for here. Leases are for stores that have them.
const METHODS: Readonly<Record<Exclude<keyof Store, 'lease'>, true>> = {
  decide: true,
  refund: true,
  undo: true,
  settle: true,
  report: true,
  unblock: true,
  reset: true,
  inspect: true,
  bucketsOf: true,
  remember: true,
  readLimits: true,
  writeLimits: true,
  deleteLimits: true,
  close: true,
};

/**
 * A store of the application's own.
 * @throws RateLimitError `INVALID_OPTION` for what is no store, or one that is to live in Redis as well
 */
export function parseStore(
  { store, redis }: { readonly store?: Store; readonly redis?: unknown },
  place: string,
): Store | undefined {
  if (store === undefined) return undefined;
  const missing = Object.keys(METHODS).filter(
    (method) => typeof (store as Partial<Store> | null)?.[method as keyof Store] !== 'function',
  );
  if (missing.length > 0) {
    throw new RateLimitError(
      'INVALID_OPTION',
      `${place}: store is ${show(store)} without ${missing.join(', ')}; write an object that implements Store of nestjs-floodgate/store`,
    );
  }
  if (redis === undefined) return store;
  throw new RateLimitError(
    'INVALID_OPTION',
    `${place}: store is ${show(store)} beside redis, and buckets live in one place; leave one of the two out`,
  );
}
