import { type Awaitable, chain } from '../common/awaitable.js';
import { ForwardingStore } from '../stores/forwarding.store.js';
import type { Deadline, Store, Transaction, TransactionReply } from '../stores/store.interface.js';
import type { KnownRefusals } from './known-refusals.js';

/** Learns from what a store answers. Below what gathers transactions, so that it costs once for many. */
export class RefusalWatch extends ForwardingStore {
  constructor(
    store: Store,
    private readonly known: KnownRefusals,
  ) {
    super(store);
  }

  override decide(
    transactions: readonly Transaction[],
    deadline?: Deadline,
  ): Awaitable<readonly TransactionReply[]> {
    const sent = performance.now();
    return chain(this.store.decide(transactions, deadline), (replies) => {
      for (let i = 0; i < replies.length; i++)
        this.known.learn(transactions[i] as Transaction, replies[i] as TransactionReply, sent);
      return replies;
    });
  }
}
