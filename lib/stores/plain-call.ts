import type { Take } from '../algorithms/kernel.js';
import type { OnStoreError, PlainTake, Transaction, TransactionReply } from './store.interface.js';

/**
 * A plain take with whoever waits for it: a transaction that is told its reply. What nearly all decisions are is so one object on
 * its whole way, and one promise.
 */
export abstract class PlainCall implements Transaction {
  readonly takes: readonly [Take];

  /** `key` is the part of the bucket's name in braces. */
  constructor(
    take: PlainTake,
    key: string,
    readonly counted: boolean,
    readonly onStoreError: readonly OnStoreError[] | undefined,
  ) {
    const { policy, scale, capacity, cost, allowance, lease } = take;
    const name = `${policy}:{${key}}`;
    // All by name: spread syntax would cost more than all else of it.
    this.takes = [
      { key: name, scale, capacity, cost, allowance, startLevel: undefined, promises: false, lease },
    ];
  }

  /** Never throws. */
  abstract replied(reply: TransactionReply): void;

  abstract failed(error: unknown): void;
}

/** What decides plain calls later, many at a time. */
export interface PlainQueue {
  /** Whether the call will be told. Else it has to be decided as a transaction, for there is more to do. */
  enqueue(call: PlainCall): boolean;
}
