import type { Transaction, TransactionReply } from '../store.interface.js';
import type { DecidingCall } from './decide-call.js';
import { takeScript } from './scripts/generated.js';
import { TakeReplay } from './take-replay.js';
import { TakeSteps } from './take-steps.js';

/** A call of `take.lua`; undefined where it cannot be told of all. */
export function encodeTakes(transactions: readonly Transaction[]): DecidingCall | undefined {
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
        end += transaction.takes.length;
        return replay.decide(transaction, places, first);
      });
    },
  };
}
