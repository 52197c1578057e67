import { changesOf, type Hold, type Take, type Verdict } from '../../algorithms/kernel.js';
import { besideHolds, type Found } from '../../algorithms/level.js';
import { FOREVER } from '../../algorithms/record.js';
import { MAX_TICKS, type Ticks } from '../../algorithms/ticks.js';
import { reservationKey } from '../reservation-key.js';
import type { StoreMoment, Transaction, TransactionReply } from '../store.interface.js';
import { parseMark, parseRecord } from './record-text.js';
import type { ScriptCall, ToLocal } from './redis-calls.js';
import { decideScript } from './scripts/generated.js';

/** A call of a script that decides transactions, and how its reply is read. */
export interface DecidingCall {
  readonly call: ScriptCall;
  readonly read: (reply: Reply, toLocal: ToLocal) => TransactionReply[];
}

/** A call of `decide.lua`. */
export function encodeDecide(transactions: readonly Transaction[]): DecidingCall {
  const indexes = new Map<string, number>();
  const reservations = reservationsIn(transactions);
  const reserved = reservations.flatMap(({ place, hold }) => [...place, hold.ttlMicros, hold.id].map(String));
  const returned = returnsIn(transactions);
  const args = [String(reservations.length), ...reserved, String(returned.length / 4), ...returned];
  args.push(String(transactions.length));
  for (const { takes, peek, revocable, counted, pick } of transactions) {
    args.push(flag(peek), flag(revocable), flag(counted));
    args.push(pick ? String((pick.prefer ?? -1) + 1) : '', String(takes.length));
    for (const take of takes) {
      if (!indexes.has(take.key)) indexes.set(take.key, indexes.size + 1);
      args.push(...encodeTake(take, indexes.get(take.key) as number));
    }
  }
  const keys = [...indexes.keys(), ...reservations.map(({ key, hold }) => reservationKey(key, hold.id))];
  return {
    call: { script: decideScript, keys, args },
    read: (reply, toLocal) => readReplies(transactions, reply, toLocal),
  };
}

interface PlacedHold {
  /** The transaction and the take in it, counted from 1. */
  readonly place: readonly [number, number];
  readonly key: string;
  readonly hold: Hold;
}

function reservationsIn(transactions: readonly Transaction[]): PlacedHold[] {
  const found: PlacedHold[] = [];
  transactions.forEach(({ takes }, t) => {
    takes.forEach(({ key, reserve }, i) => {
      if (reserve !== undefined) found.push({ place: [t + 1, i + 1], key, hold: reserve });
    });
  });
  return found;
}

/** Of each lease that ends: the transaction and the take in it, counted from 1, its id, and what was spent. */
function returnsIn(transactions: readonly Transaction[]): string[] {
  const found: string[] = [];
  transactions.forEach(({ takes }, t) => {
    takes.forEach(({ returns }, i) => {
      if (returns !== undefined) found.push(String(t + 1), String(i + 1), returns.id, String(returns.total));
    });
  });
  return found;
}

function encodeTake(take: Take, index: number): string[] {
  const { scale, capacity, cost, allowance, startLevel = -1, promises } = take;
  const numbers = [index, scale.ticksPerMicro, scale.ticksPerToken, capacity, cost, allowance, startLevel];
  return [...numbers.map(String), flag(promises)];
}

const flag = (value: boolean | undefined): string => (value ? '1' : '0');

/** What a script replies. Integers arrive as text where the client is configured so. */
export type Reply = readonly (number | string)[];

/** The reply of `decide.lua`. */
function readReplies(
  transactions: readonly Transaction[],
  [time, ...values]: Reply,
  toLocal: ToLocal,
): TransactionReply[] {
  const now = Number(time);
  const moment = { now, decidedAt: toLocal(now) };
  const rest = values[Symbol.iterator]();
  const read = () => rest.next().value as number | string;
  return transactions.map((transaction) => readReply(transaction, moment, read));
}

function readReply(
  { takes, peek, revocable, counted = false, pick }: Transaction,
  moment: StoreMoment,
  read: () => number | string,
): TransactionReply {
  const status = Number(read());
  const admitted = status % 2 === 1;
  const levels = takes.map(() => readTicks(read()));
  const found = levels.map(
    (level, place): Found =>
      status >= 2
        ? foundOf(takes[place] as Take, level, [read(), read(), read()], moment.now)
        : { level, block: 0, blockEnd: 0, stepped: false },
  );
  const chosen = pick ? Number(read()) : 0;
  const everyone = admitted ? takes.map((_, i) => i) : [];
  const verdict: Verdict = { admitted, found, charged: chosen > 0 ? [chosen - 1] : everyone };
  const told = admitted && !peek;
  const marks = told && counted ? verdict.charged.map(() => parseMark(String(read()))) : [];
  const records = told && revocable ? takes.map(() => parseRecord(String(read()))) : [];
  const changes = told && revocable ? changesOf(takes, records, verdict, counted, moment.now) : [];
  return { ...verdict, ...moment, source: 'redis', marks, changes };
}

/** What a script tells of a bucket besides its level: for how long it is blocked, how it falls, its record. */
type More = readonly [blocked: number | string, falls: number | string, record: number | string];

/** How a script tells that it has found a bucket. The record is told only where tokens of it are held. */
export function foundOf({ scale }: Pick<Take, 'scale'>, level: Ticks, more: More, now: number): Found {
  const [blocked, falls, text] = more;
  const record = parseRecord(String(text));
  if (record !== undefined) return besideHolds(record, scale, now);
  const block = Number(blocked);
  const blockEnd = block === 0 ? 0 : block === FOREVER ? FOREVER : now + block;
  const found: Found = { level, block, blockEnd, stepped: Number(falls) === 1 };
  return Number(falls) === 2 ? { ...found, faster: true } : found;
}

export function readTicks(value: number | string): Ticks {
  const ticks = Number(value);
  return ticks <= MAX_TICKS ? ticks : BigInt(value);
}
