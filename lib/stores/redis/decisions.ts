import { LateError } from '../late.error.js';
import { firstKeyOf } from '../plain-call.js';
import type { Deadline, Transaction, TransactionReply } from '../store.interface.js';
import { type DecidingCall, encodeDecide, type Reply } from './decide-call.js';
import type { Answer, RedisCalls } from './redis-calls.js';
import { maySendAgain } from './redis-client.js';
import { encodeAcross, encodeTakes } from './take-call.js';

/** Decides transactions with calls of the scripts that do that. */
export class Decisions {
  constructor(private readonly calls: RedisCalls) {}

  /** With one call. */
  decide(transactions: readonly Transaction[], deadline?: Deadline): Promise<TransactionReply[]> {
    const { until = this.calls.until(), onLate } = deadline ?? {};
    return this.calls.decide(
      firstKeyOf(transactions),
      transactions.length > 1,
      () => this.decideBy(until, transactions),
      until,
      onLate && ((replies) => onLate(transactions, replies)),
    );
  }

  /**
   * Decides transactions that one master of a Cluster serves, each in a slot of its own: with one call where the master can be asked so,
   * else with a call for each slot, sent together. Each comes to its reply or to an error; where all have failed, so has the whole.
   */
  decideOfMaster(
    transactions: readonly Transaction[],
    slots: readonly number[],
    { until = this.calls.until(), onLate }: Partial<Deadline> = {},
  ): Promise<(TransactionReply | Error)[]> {
    return this.calls.decide(
      firstKeyOf(transactions),
      true,
      () => this.decideTogether(until, transactions, slots) ?? this.decideBySlot(until, transactions, slots),
      until,
      onLate &&
        ((outcomes) => {
          const isDecided = (_: unknown, i: number) => !(outcomes[i] instanceof Error);
          onLate(transactions.filter(isDecided), outcomes.filter(isDecided) as TransactionReply[]);
        }),
    );
  }

  /** As a probe does. */
  pastTheGate(transactions: readonly Transaction[]): Promise<TransactionReply[]> {
    return this.decideBy(undefined, transactions);
  }

  private async decideBy(
    until: number | undefined,
    transactions: readonly Transaction[],
  ): Promise<TransactionReply[]> {
    const { call, read } = encode(transactions);
    const { reply, toLocal } = await this.calls.sendInTime(call, until);
    return read(reply as Reply, toLocal);
  }

  /** With one call; undefined where the master cannot be asked so, or the script not be told. */
  private decideTogether(
    until: number | undefined,
    transactions: readonly Transaction[],
    slots: readonly number[],
  ): Promise<(TransactionReply | Error)[]> | undefined {
    const send = this.calls.toMaster(firstKeyOf(transactions), until);
    const coded = send && encodeAcross(transactions);
    if (!coded) return undefined;
    return send(coded.call).then(
      ({ reply, toLocal }) => coded.read(reply as Reply, toLocal),
      (error: unknown) => {
        // What the server refused as late has told its clock, by which the next deadline is right.
        const isHarmless = error instanceof LateError || maySendAgain(error);
        if (!isHarmless || (until !== undefined && performance.now() >= until)) throw error;
        return this.decideBySlot(until, transactions, slots);
      },
    );
  }

  private async decideBySlot(
    until: number | undefined,
    transactions: readonly Transaction[],
    slots: readonly number[],
  ): Promise<(TransactionReply | Error)[]> {
    const groups = placesBySlot(slots);
    const coded = groups.map((places) => encode(places.map((place) => transactions[place] as Transaction)));
    const answers = await this.calls.sendAllInTime(
      coded.map(({ call }) => call),
      until,
    );
    const [first] = answers;
    if (first instanceof Error && answers.every((answer) => answer instanceof Error)) throw first;
    const outcomes: (TransactionReply | Error)[] = [];
    for (const [g, places] of groups.entries()) {
      const answer = answers[g] as Answer | Error;
      const replies =
        answer instanceof Error
          ? undefined
          : (coded[g] as DecidingCall).read(answer.reply as Reply, answer.toLocal);
      for (const [i, place] of places.entries())
        outcomes[place] = replies === undefined ? (answer as Error) : (replies[i] as TransactionReply);
    }
    return outcomes;
  }
}

function placesBySlot(slots: readonly number[]): number[][] {
  const bySlot = new Map<number, number[]>();
  for (const [place, slot] of slots.entries()) {
    const places = bySlot.get(slot);
    if (places === undefined) bySlot.set(slot, [place]);
    else places.push(place);
  }
  return [...bySlot.values()];
}

const encode = (transactions: readonly Transaction[]): DecidingCall =>
  encodeTakes(transactions) ?? encodeDecide(transactions);
