import type { Store, TransactionReply } from '../stores/store.interface.js';
import { type Debt, type Debts, restOf, transactionOf } from './debts.js';

/** How many debts go in one call. */
const AT_ONCE = 16;

/** Takes from the store what was taken in this process while it could not be asked. */
export class Repayment {
  private isUnderWay = false;

  constructor(
    private readonly store: Store,
    private readonly debts: Debts,
    private readonly timeoutMs: number,
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
    if (rest !== undefined) this.ask([rest]).catch(() => undefined);
  }

  private async pay(keys: readonly string[]): Promise<number> {
    const debts = this.debts.begin(keys);
    if (debts.length === 0) return 0;
    try {
      const replies = await this.ask(debts);
      for (const [i, debt] of debts.entries()) this.paid(debt, replies[i] as TransactionReply);
      return debts.length;
    } catch (error) {
      for (const debt of debts) this.debts.failed(debt);
      throw error;
    }
  }

  private async tellReports(): Promise<void> {
    for (const { key, report } of this.debts.takeReports()) await this.store.report(key, report);
  }

  private async ask(debts: readonly Debt[]): Promise<readonly TransactionReply[]> {
    const until = performance.now() + this.timeoutMs;
    return this.store.decide(debts.map(transactionOf), { until });
  }
}
