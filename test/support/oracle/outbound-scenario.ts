import type { OraclePolicy } from './oracle.js';
import type { Patience } from './outbound-entry.js';
import { oracleRate } from './rate.js';

export interface OutboundPolicy extends OraclePolicy {
  readonly rate: number | string;
  readonly kind: 'token' | 'line' | 'meter';
}

/** An entry of an earlier operation. */
export interface Reference {
  readonly operation: number;
  readonly entry: number;
}

export interface Place {
  readonly key: string;
  /** An index into `outboundPolicies`. */
  readonly policy: number;
}

export interface DecideEntry extends Place {
  readonly cost: number;
  readonly patience?: Patience;
}

/** `at` is in microseconds. No key occurs twice in one operation. */
export type OutboundOperation = { readonly at: number } & (
  | {
      readonly kind: 'decide';
      readonly entries: readonly DecideEntry[];
      readonly peek: boolean;
      readonly counted: boolean;
      readonly pick?: { readonly prefer?: number };
    }
  | ({
      readonly kind: 'sync';
      readonly remaining?: number;
      readonly retryAfterMs?: number;
      readonly forever?: true;
      readonly mark?: Reference;
    } & Place)
  | ({ readonly kind: 'refund'; readonly cost: number } & Place)
  | ({ readonly kind: 'unblock' } & Place)
  | ({ readonly kind: 'reset' } & Place)
  /** Operations to undo, in this order. */
  | { readonly kind: 'undo'; readonly of: readonly number[] }
);

/** Scales from a microsecond to hours, at both ends of what fits below 2^53; two share their ticks. */
export const outboundPolicies: readonly OutboundPolicy[] = [
  policy('token', 1, '3/s'),
  policy('token', 5, '7/min'),
  policy('token', 10, '1000/s'),
  policy('token', 3, '2500000/s'),
  policy('token', 1000, '999983/day'),
  policy('token', 104_249, '999983/day'),
  policy('token', Number.MAX_SAFE_INTEGER, 1e12),
  policy('line', 7, '3/s'),
  policy('line', 20, '999/s', 5000),
  policy('line', 4, '7/min', 60_000_000),
  policy('meter', 5, '3/s'),
];

function policy(
  kind: OutboundPolicy['kind'],
  capacity: number,
  rate: number | string,
  maxWaitMicros?: number,
) {
  const parsed = oracleRate(rate, capacity);
  if (typeof parsed === 'string') throw new Error(`${rate} with ${capacity} is ${parsed}`);
  return { kind, capacity, rate, ...parsed, shapes: kind === 'line', maxWaitMicros };
}

export function fillMicros(policy: number): number {
  const { capacity, tokens, micros } = outboundPolicies[policy]!;
  return (capacity * Number(micros)) / Number(tokens);
}

export function tokenMicros(policy: number): number {
  return Math.max(1, fillMicros(policy) / outboundPolicies[policy]!.capacity);
}
