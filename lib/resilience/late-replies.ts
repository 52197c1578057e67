import type { Take } from '../algorithms/kernel.js';
import { isUnavailable } from '../errors/is-unavailable.js';
import type { Store, Transaction, TransactionReply } from '../stores/store.interface.js';
import { type Debts, debtOf } from './debts.js';
import { NotAskedError } from './store-unavailable.js';

/** What a transaction came to in this process, after the store was given up. */
export type Verdicts = ReadonlyMap<Take, TransactionReply>;

export const verdictsOf = (
  transactions: readonly Transaction[],
  replies: readonly TransactionReply[],
): Verdicts =>
  new Map(
    transactions.flatMap(({ takes }, t) =>
      takes.map((take) => [take, replies[t] as TransactionReply] as const),
    ),
  );

/** More are not kept until the store is back: what is over stays taken. */
const MOST = 10_000;

interface LateTake {
  readonly take: Take;
  readonly reply: TransactionReply;
}

/**
 * Takes that a store has carried out in time, and told of too late: they were decided here meanwhile. What was
 * admitted here as well is counted there and owed no more; what was not is given back as soon as the store is asked again.
 */
export class LateReplies {
  private unwanted: LateTake[] = [];

  constructor(
    private readonly store: Store,
    private readonly debts: Debts,
  ) {}

  note(
    transactions: readonly Transaction[],
    replies: readonly TransactionReply[],
    verdicts: Verdicts,
    isAsked: boolean,
  ): void {
    for (const [t, { takes, peek }] of transactions.entries()) {
      const reply = replies[t] as TransactionReply;
      for (const i of peek ? [] : reply.charged) this.noteOne({ take: takes[i] as Take, reply }, verdicts);
    }
    if (isAsked) this.giveAllBack();
  }

  /** Where that fails for good they stay taken: nobody is admitted twice. */
  giveAllBack(): void {
    const { unwanted } = this;
    this.unwanted = [];
    for (const late of unwanted) this.giveBack(late).catch((error) => this.keep(late, error));
  }

  /** For when the store, or its node in a Cluster, is asked again. */
  private keep(late: LateTake, error: unknown): void {
    const mayBeTriedAgain = isRefunded(late.take) ? error instanceof NotAskedError : isUnavailable(error);
    if (mayBeTriedAgain && this.unwanted.length < MOST) this.unwanted.push(late);
  }

  private noteOne(late: LateTake, verdicts: Verdicts): void {
    const { take } = late;
    const source = admittedBy(take, verdicts.get(take));
    // Nothing was taken here: it counts there.
    if (source === 'allow' || take.cost === 0) return;
    const isPlain = take.startLevel === undefined && take.reserve === undefined;
    if (source === 'memory' && isPlain && this.debts.owes(take.key))
      this.debts.paid(debtOf(take, take.cost), take.cost);
    else if (this.unwanted.length < MOST) this.unwanted.push(late);
  }

  private async giveBack({ take, reply }: LateTake): Promise<void> {
    const { key, cost, scale, reserve, startLevel } = take;
    const lowers = startLevel === undefined;
    if (reserve !== undefined) {
      await this.store.settle(key, { id: reserve.id, cost: 0, maxDebt: undefined, lowers });
    } else if (lowers) await this.store.refund(key, cost, { at: reply.now, ...scale });
    // A place in a line is given back where it is still the last.
    else await this.store.undo(reply.changes.filter((change) => change.key === key));
  }
}

/** Whether it is given back by a refund, which counts as often as it is done. The other ways count once. */
const isRefunded = ({ reserve, startLevel }: Take): boolean =>
  reserve === undefined && startLevel === undefined;

/** Who has admitted a take here; undefined: nobody. */
function admittedBy(take: Take, verdict: TransactionReply | undefined): 'memory' | 'allow' | undefined {
  const place = verdict?.instead?.findIndex(({ take: { key } }) => key === take.key) ?? -1;
  if (verdict === undefined || !verdict.charged.includes(place)) return undefined;
  return verdict.instead?.[place]?.source as 'memory' | 'allow';
}
