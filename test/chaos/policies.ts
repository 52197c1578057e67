// The buckets that the takers take from: known to them, and to the checker.
import type { CheckedPolicy } from './checker/check.mjs';

export type OnStoreError = 'memory' | 'allow' | 'deny';

export interface LoadPolicy {
  readonly name: string;
  readonly algorithm: 'token-bucket' | 'leaky-bucket';
  readonly capacity: number;
  readonly tokens: number;
  readonly perSeconds: number;
  readonly onStoreError: OnStoreError;
  /** Longer turns are refused. */
  readonly maxWaitMs?: number;
  /** Its tokens are taken ahead, for so long. */
  readonly leasedMs?: number;
}

const base = { algorithm: 'token-bucket', perSeconds: 1, onStoreError: 'memory' } as const;

export const policies = {
  /** Never refuses and hardly drains, so that what was taken can be read from it to the token. */
  ledger: { ...base, name: 'ledger', capacity: 20_000, tokens: 1, perSeconds: 432_000 },
  /** Asked for more than it has. */
  api: { ...base, name: 'api', capacity: 10, tokens: 5 },
  /** Beside `api` on one route, with a key of its own. */
  user: { ...base, name: 'user', capacity: 15, tokens: 8 },
  line: { ...base, name: 'line', algorithm: 'leaky-bucket', capacity: 10, tokens: 20, maxWaitMs: 300 },
  open: { ...base, name: 'open', capacity: 5, tokens: 3, onStoreError: 'allow' },
  shut: { ...base, name: 'shut', capacity: 1000, tokens: 500, onStoreError: 'deny' },
  /** Taken ahead, for less time than any fault lasts in which the store is lost: what is held then is over before it is back. */
  ahead: { ...base, name: 'ahead', capacity: 40, tokens: 20, leasedMs: 400 },
} as const satisfies Record<string, LoadPolicy>;

export type PolicyName = keyof typeof policies;

export const allPolicies: readonly LoadPolicy[] = Object.values(policies);

export const toCheck = (policy: LoadPolicy): CheckedPolicy => {
  const { name, capacity, tokens, perSeconds, onStoreError, leasedMs } = policy;
  const perNs = BigInt(perSeconds) * 1_000_000_000n;
  return { name, capacity, onStoreError, tokens: BigInt(tokens), perNs, isLeased: leasedMs !== undefined };
};
