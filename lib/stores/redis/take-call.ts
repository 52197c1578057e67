import type { Take } from '../../algorithms/kernel.js';
import { isPlain } from '../plain.js';
import { type BucketTake, nameOf, PlainCall } from '../plain-call.js';
import type { Transaction, TransactionReply } from '../store.interface.js';
import { argsOfOne, argsOfPlain, BucketSorts, MOST_SORTS, sortOfOne } from './bucket-sorts.js';
import type { DecidingCall } from './decide-call.js';
import { takeScript } from './scripts/generated.js';
import { TakeReplay } from './take-replay.js';
import { TakeSteps } from './take-steps.js';

/** A call of `take.lua`; undefined where it cannot be told of all. */
export function encodeTakes(transactions: readonly Transaction[]): DecidingCall | undefined {
  return transactions.length === 1 ? encodeOne(transactions[0] as Transaction) : encodeSteps(transactions);
}

/** As on an idle line. */
function encodeOne(transaction: Transaction): DecidingCall | undefined {
  if (transaction.counted) return encodeSteps([transaction]);
  if (transaction instanceof PlainCall) {
    if (transaction.others.length > 0) return encodeStack(transaction);
    return callOf([nameOf(transaction)], argsOfPlain(transaction.take), [transaction], FIRST);
  }
  const { takes, peek = false } = transaction;
  if (takes.length !== 1) return encodeSteps([transaction]);
  const take = takes[0] as Take;
  return isPlain(transaction) ? callOf([take.key], argsOfOne(take, peek), [transaction], FIRST) : undefined;
}

/** A call by itself with several takes: what it comes to for each bucket is all that the script needs. */
function encodeStack(call: PlainCall): DecidingCall | undefined {
  const all: readonly BucketTake[] = [call, ...call.others];
  if (all.length > MOST_SORTS) return encodeSteps([call]);
  const sorts = new BucketSorts();
  for (const { take } of all) sorts.add(sortOfOne(take, false));
  return callOf(all.map(nameOf), sorts.argsOfOne(), [call], [...all.keys()]);
}

/** The same as `encodeTakes` where the buckets lie in several slots that one master serves: all but the first are named behind. */
export function encodeAcross(transactions: readonly Transaction[]): DecidingCall | undefined {
  return encodeSteps(transactions, true);
}

function encodeSteps(transactions: readonly Transaction[], isAcross = false): DecidingCall | undefined {
  const steps = TakeSteps.of(transactions);
  const args = steps?.args(isAcross ? steps.keys.length - 1 : 0);
  return steps && args && callOf(steps.keys, args, transactions, steps.places);
}

/** `places` has the buckets of all takes, in order. */
function callOf(
  keys: readonly string[],
  args: readonly string[],
  transactions: readonly Transaction[],
  places: readonly number[],
): DecidingCall {
  const buckets = keys.length;
  return {
    call: { script: takeScript, keys, args },
    read(reply, toLocal): TransactionReply[] {
      const now = Number(reply[0]);
      const replay = new TakeReplay(reply, buckets, { now, decidedAt: toLocal(now) }, places);
      return transactions.map((transaction) => replay.next(transaction));
    },
  };
}

const FIRST: readonly number[] = [0];
