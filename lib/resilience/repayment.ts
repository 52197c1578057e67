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
  private isUnderWay = false;

  constructor(
    private readonly store: Store,
    private readonly debts: Debts,
    private readonly options: RepaymentOptions,
  ) {}

  /**
   * Pays all debts, a few at a time, beside the requests: who asks for such a bucket meanwhile pays with the request.
   * Answers how many were paid; stops where the store fails again.
   */
  async payAll(): Promise<number> {
    if (this.isUnderWay) return 0;
    this.isUnderWay = true;
    try {
      await this.tellReports();
      let paid = 0;
      for (let keys = this.debts.unpaid(); keys.length > 0; keys = this.debts.unpaid()) {
        for (let i = 0; i < keys.length; i += AT_ONCE) paid += await this.pay(keys.slice(i, i + AT_ONCE));
      }
      return paid;
    } finally {
      this.isUnderWay = false;
    }
  }

  /** A debt was asked for together with something else. */
  paid(debt: Debt, reply: TransactionReply): void {
    this.debts.paid(debt);
    const rest = restOf(debt, reply);
    // Where that fails too, the bucket is close to its bound as it is.
    if (rest !== undefined) this.ask([transactionOf(rest)], () => undefined).catch(() => undefined);
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
    let isOver = false;
    try {
      const asked = debts.map(transactionOf);
      settle(asked, await this.ask(asked, (...late) => (isOver ? this.options.onLate : settle)(...late)));
      return debts.length;
    } catch (error) {
      for (const debt of open.values()) this.debts.failed(debt);
      throw error;
    } finally {
      isOver = true;
    }
  }

  private async tellReports(): Promise<void> {
    for (const { key, report } of this.debts.takeReports()) await this.store.report(key, report);
  }

  private async ask(
    transactions: readonly Transaction[],
    onLate: OnLate,
  ): Promise<readonly TransactionReply[]> {
    return this.store.decide(transactions, { until: performance.now() + this.options.timeoutMs, onLate });
  }
}
