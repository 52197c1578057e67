import type { Store, Transaction, TransactionReply } from '../../lib/stores/store.interface.js';

/**
 * A store that decides at once, as one on a network does, but whose decisions are on their way for as long as they are
 * held. It counts the calls, and fails when it is told to.
 */
export class LateStore {
  decisions = 0;
  failure: Error | undefined;
  private isHolding = false;
  private onItsWay: (() => void)[] = [];

  constructor(private readonly store: Store) {}

  /** Everything is like the store's own but `decide`. */
  get asStore(): Store {
    const decide = (transactions: readonly Transaction[]) => this.decide(transactions);
    return new Proxy(this.store, {
      get: (store, name: keyof Store) => {
        const value: unknown = store[name];
        if (name === 'decide') return decide;
        // NestJS 10 reads whatever an option is made of.
        return typeof value === 'function' ? value.bind(store) : value;
      },
    });
  }

  hold(): void {
    this.isHolding = true;
  }

  /** Everything that is on its way arrives, in order, and later decisions come at once again. */
  deliver(): void {
    this.isHolding = false;
    for (const arrive of this.onItsWay.splice(0)) arrive();
  }

  private async decide(transactions: readonly Transaction[]): Promise<readonly TransactionReply[]> {
    this.decisions++;
    const { failure } = this;
    const replies = failure === undefined ? await this.store.decide(transactions) : [];
    if (this.isHolding) await new Promise<void>((resolve) => this.onItsWay.push(resolve));
    if (failure !== undefined) throw failure;
    return replies;
  }
}
