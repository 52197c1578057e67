import { SomeFailedError } from '../stores/some-failed.error.js';
import type { Deadline, Store, Transaction, TransactionReply } from '../stores/store.interface.js';
import { type Debt, type Debts, restOf, transactionOf } from './debts.js';

/** How many debts go in one call. */
const AT_ONCE = 16;

type OnLate = NonNullable<Deadline['onLate']>;

export interface RepaymentOptions {
  readonly timeoutMs: number;
  /** Told of what was paid after all when it was owed again already: it is to be given back. */
  readonly onLate: OnLate;
}

/** Takes from the store what was taken in this process while it could not be asked. */
export class Repayment {
  private underWay: Promise<number> | undefined;
  private isAskedAgain = false;

  constructor(
    private readonly store: Store,
    private readonly debts: Debts,
    private readonly options: RepaymentOptions,
  ) {}

  /**
   * Pays what is owed, a few at a time, beside the requests: who asks for such a bucket meanwhile pays with the request. What
   * cannot be paid, for a node that is still down, is owed on. Answers how many were paid.
   */
  async payAll(): Promise<number> {
    if (this.underWay !== undefined) {
      // Another node is back: what it is owed was perhaps passed over already.
      this.isAskedAgain = true;
      return this.underWay;
    }
    this.underWay = this.payInTurns();
    try {
      return await this.underWay;
    } finally {
      this.underWay = undefined;
    }
  }

  private async payInTurns(): Promise<number> {
    let paid = 0;
    do {
      this.isAskedAgain = false;
      await this.tellReports();
      const keys = this.debts.unpaid();
      for (let i = 0; i < keys.length; i += AT_ONCE) paid += await this.paySome(keys.slice(i, i + AT_ONCE));
    } while (this.isAskedAgain);
    return paid;
  }

  /** Where some cannot be paid, the others are all the same. */
  private async paySome(keys: readonly string[]): Promise<number> {
    let paid = await this.pay(keys).catch(() => 0);
    if (paid > 0 || keys.length === 1) return paid;
    for (const key of keys) paid += await this.pay([key]).catch(() => 0);
    return paid;
  }

  /** A debt was asked for together with something else. */
  paid(debt: Debt, reply: TransactionReply): void {
    const rest = restOf(debt, reply);
    if (rest === undefined) this.debts.paid(debt, reply.admitted ? debt.take.cost : 0);
    else this.payRest(debt, rest).catch(() => this.debts.failed(debt));
  }

  /** As much as the bucket may still owe. */
  private async payRest(debt: Debt, rest: Debt): Promise<void> {
    const [reply] = await this.ask([transactionOf(rest)], () => undefined);
    this.debts.paid(debt, reply?.admitted ? rest.take.cost : 0);
  }

  /** On a Cluster some may be paid where the call fails as a whole. */
  private async pay(keys: readonly string[]): Promise<number> {
    const debts = this.debts.begin(keys);
    if (debts.length === 0) return 0;
    const open = new Map(debts.map((debt) => [debt.key, debt]));
    const settle: OnLate = (transactions, replies) => {
      for (const [i, { takes }] of transactions.entries()) {
        const key = takes[0]?.key as string;
        const debt = open.get(key);
        open.delete(key);
        if (debt !== undefined) this.paid(debt, replies[i] as TransactionReply);
      }
    };
    const asked = debts.map(transactionOf);
    let isOver = false;
    try {
      settle(asked, await this.ask(asked, (...late) => (isOver ? this.options.onLate : settle)(...late)));
      return debts.length;
    } catch (error) {
      if (error instanceof SomeFailedError) settle(...decidedOf(asked, error));
      for (const debt of open.values()) this.debts.failed(debt);
      throw error;
    } finally {
      isOver = true;
    }
  }

  private async tellReports(): Promise<void> {
    for (const { key, report } of this.debts.takeReports()) {
      try {
        await this.store.report(key, report);
      } catch {
        this.debts.noteReport(key, report);
      }
    }
  }

  private async ask(
    transactions: readonly Transaction[],
    onLate: OnLate,
  ): Promise<readonly TransactionReply[]> {
    return this.store.decide(transactions, { until: performance.now() + this.options.timeoutMs, onLate });
  }
}

/** What was decided where some have failed. */
function decidedOf(
  asked: readonly Transaction[],
  { outcomes }: SomeFailedError,
): [Transaction[], TransactionReply[]] {
  const isDecided = (_: unknown, i: number) => !(outcomes[i] instanceof Error);
  return [asked.filter(isDecided), outcomes.filter(isDecided) as TransactionReply[]];
}
