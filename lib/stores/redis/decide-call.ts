import { changesOf, waitOf } from '../../algorithms/kernel.js';
import { MAX_TICKS, type Ticks } from '../../algorithms/ticks.js';
import type { Transaction, TransactionReply } from '../store.interface.js';
import { parseRecord } from './record-text.js';
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
  for (const { takes, peek, revocable } of transactions) {
    args.push(peek ? '1' : '0', revocable ? '1' : '0', String(takes.length));
    for (const { key, scale, add, allowance, startLevel = -1, promises } of takes) {
      if (!indexes.has(key)) indexes.set(key, indexes.size + 1);
      const index = indexes.get(key);
      const numbers = [index, scale.ticksPerMicro, scale.ticksPerToken, add, allowance, startLevel];
      args.push(...numbers.map(String), promises ? '1' : '0');
    }
  }
  return { script: decideScript, keys: [...indexes.keys()], args };
}

type Reply = readonly (number | string)[];

/**
 * The reply of `decide.lua`. Integers arrive as text where the client is configured so.
 * @param toLocal from the time on the server to `decidedAt`
 */
export function readReplies(
  transactions: readonly Transaction[],
  reply: Reply,
  toLocal: (now: number) => number,
): TimedReplies {
  let next = 1;
  const read = () => reply[next++] as number | string;
  const now = Number(reply[0]);
  const decidedAt = toLocal(now);
  const replies = transactions.map(({ takes, peek, revocable }): TransactionReply => {
    const verdict = Number(read());
    const admitted = verdict === 1;
    const levels = takes.map(() => readTicks(read()));
    const told = { admitted, source: 'redis' as const, decidedAt, levels, stepped: verdict === 2 };
    if (!admitted || peek || !revocable) return { ...told, changes: [] };
    const records = takes.map(() => parseRecord(String(read())));
    return { ...told, changes: changesOf(takes, levels, waitOf(takes, levels), now, records) };
  });
  return { now, replies };
}

function readTicks(value: number | string): Ticks {
  const ticks = Number(value);
  return ticks <= MAX_TICKS ? ticks : BigInt(value);
}
