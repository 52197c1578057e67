import { MAX_TICKS, type Ticks } from '../../algorithms/ticks.js';
import type { Transaction, TransactionReply } from '../store.interface.js';
import { decideScript } from './scripts/generated.js';

/** Replies together with the time on the server at which they were decided. */
export interface TimedReplies {
  readonly now: number;
  readonly replies: TransactionReply[];
}

export interface DecideCall {
  readonly script: typeof decideScript;
  readonly keys: string[];
  readonly args: string[];
}

/** The KEYS and ARGV of `decide.lua`. */
export function encodeDecide(transactions: readonly Transaction[], explicitTime: string): DecideCall {
  const indexes = new Map<string, number>();
  const args = [explicitTime, String(transactions.length)];
  for (const { takes, peek } of transactions) {
    args.push(peek ? '1' : '0', String(takes.length));
    for (const { key, scale, add, allowance, shapes } of takes) {
      if (!indexes.has(key)) indexes.set(key, indexes.size + 1);
      const index = indexes.get(key);
      const numbers = [index, scale.ticksPerMicro, scale.ticksPerToken, add, allowance];
      args.push(...numbers.map(String), shapes ? '1' : '0');
    }
  }
  return { script: decideScript, keys: [...indexes.keys()], args };
}

/** The reply of `decide.lua`. Integers arrive as text where the client is configured so. */
export function readReplies(
  transactions: readonly Transaction[],
  reply: readonly (number | string)[],
): TimedReplies {
  let next = 1;
  const replies = transactions.map(({ takes }): TransactionReply => {
    const verdict = Number(reply[next++]);
    const levels = takes.map(() => readTicks(reply[next++] as number | string));
    return { admitted: verdict === 1, source: 'redis', levels, stepped: verdict === 2 };
  });
  return { now: Number(reply[0]), replies };
}

function readTicks(value: number | string): Ticks {
  const ticks = Number(value);
  return ticks <= MAX_TICKS ? ticks : BigInt(value);
}
