import { firstKeyOf } from '../plain-call.js';
import type { Deadline, Transaction, TransactionReply } from '../store.interface.js';
import { type DecidingCall, encodeDecide, type Reply } from './decide-call.js';
import type { RedisCalls } from './redis-calls.js';
import { encodeTakes } from './take-call.js';

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
   * Decides groups of transactions with a call each, sent together: the keys of a group have one slot, and all are served by
   * one master. Each group comes to its replies or to an error; where all have failed, so has the whole.
   */
  decideGroups(
    groups: readonly (readonly Transaction[])[],
    { until = this.calls.until(), onLate }: Partial<Deadline> = {},
  ): Promise<(TransactionReply[] | Error)[]> {
    return this.calls.decide(
      firstKeyOf(groups[0] ?? []),
      true,
      () => this.decideGroupsBy(until, groups),
      until,
      onLate &&
        ((told) => {
          for (const [i, group] of groups.entries())
            if (!(told[i] instanceof Error)) onLate(group, told[i] as TransactionReply[]);
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

  private async decideGroupsBy(
    until: number | undefined,
    groups: readonly (readonly Transaction[])[],
  ): Promise<(TransactionReply[] | Error)[]> {
    const coded = groups.map(encode);
    const answers = await this.calls.sendAllInTime(
      coded.map(({ call }) => call),
      until,
    );
    const [first] = answers;
    if (first instanceof Error && answers.every((answer) => answer instanceof Error)) throw first;
    return answers.map((answer, i) =>
      answer instanceof Error
        ? answer
        : (coded[i] as DecidingCall).read(answer.reply as Reply, answer.toLocal),
    );
  }
}

const encode = (transactions: readonly Transaction[]): DecidingCall =>
  encodeTakes(transactions) ?? encodeDecide(transactions);
