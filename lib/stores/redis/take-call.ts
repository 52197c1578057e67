import type { Take } from '../../algorithms/kernel.js';
import { isPlain } from '../plain.js';
import { PlainCall } from '../plain-call.js';
import type { Transaction, TransactionReply } from '../store.interface.js';
import type { DecidingCall } from './decide-call.js';
import { takeScript } from './scripts/generated.js';
import { TakeReplay } from './take-replay.js';
import { argsOfCall, argsOfOne, TakeSteps } from './take-steps.js';

/** A call of `take.lua`; undefined where it cannot be told of all. */
export function encodeTakes(transactions: readonly Transaction[]): DecidingCall | undefined {
  if (transactions.length === 1 && transactions[0] instanceof PlainCall) return encodeCall(transactions[0]);
  const only = transactions.length === 1 ? (transactions[0] as Transaction) : undefined;
  if (only !== undefined && only.takes.length === 1) return isPlain(only) ? encodeOne(only) : undefined;
  const steps = TakeSteps.of(transactions);
  if (steps === undefined) return undefined;
  const { keys, places } = steps;
  return {
    call: { script: takeScript, keys, args: [steps.text, ...steps.kindArgs()] },
    read(reply, toLocal): TransactionReply[] {
      const now = Number(reply[0]);
      const replay = new TakeReplay(reply, keys.length, { now, decidedAt: toLocal(now) });
      let end = 0;
      return transactions.map((transaction) => {
        const first = end;
        if (transaction instanceof PlainCall) {
          end++;
          return replay.decideCall(transaction, places[first] as number);
        }
        end += transaction.takes.length;
        return replay.decide(transaction, places, first);
      });
    },
  };
}

function encodeCall(call: PlainCall): DecidingCall {
  return {
    call: { script: takeScript, keys: [call.name], args: argsOfCall(call) },
    read(reply, toLocal) {
      const now = Number(reply[0]);
      const replay = new TakeReplay(reply, 1, { now, decidedAt: toLocal(now) });
      return [replay.decideCall(call, 0)];
    },
  };
}

function encodeOne(transaction: Transaction): DecidingCall {
  const { takes, counted = false, peek = false } = transaction;
  const take = takes[0] as Take;
  return {
    call: { script: takeScript, keys: [take.key], args: argsOfOne(take, counted, peek) },
    read(reply, toLocal) {
      const now = Number(reply[0]);
      const replay = new TakeReplay(reply, 1, { now, decidedAt: toLocal(now) });
      return [replay.decide(transaction, FIRST, 0)];
    },
  };
}

const FIRST: readonly number[] = [0];
