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
} as const satisfies Record<string, LoadPolicy>;

export type PolicyName = keyof typeof policies;

export const allPolicies: readonly LoadPolicy[] = Object.values(policies);

export const toCheck = ({ name, capacity, tokens, perSeconds, onStoreError }: LoadPolicy): CheckedPolicy => ({
  ...{ name, capacity, onStoreError, tokens: BigInt(tokens), perNs: BigInt(perSeconds) * 1_000_000_000n },
});
