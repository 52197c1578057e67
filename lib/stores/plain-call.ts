import type { Take } from '../algorithms/kernel.js';
import type { OnStoreError, PlainTake, Transaction, TransactionReply } from './store.interface.js';

/**
 * A plain take with whoever waits for it: a transaction that is told its reply. What nearly all decisions are is so one object on
 * its whole way, and one promise.
 */
export abstract class PlainCall implements Transaction {
  private made: readonly [Take] | undefined;

  constructor(
    readonly take: PlainTake,
    /** The part of the bucket's name in braces. */
    readonly key: string,
    readonly counted: boolean,
    readonly onStoreError: readonly OnStoreError[] | undefined,
  ) {}

  /** Made for those who ask: most go by `take` and `key`. */
  get takes(): readonly [Take] {
    this.made ??= [this.namedTake()];
    return this.made;
  }

  get name(): string {
    return `${this.take.policy}:{${this.key}}`;
  }

  /** All by name: spread syntax would cost more than all else of the call. */
  private namedTake(): Take {
    const { scale, capacity, cost, allowance, startLevel, promises, lease } = this.take;
    return { key: this.name, scale, capacity, cost, allowance, startLevel, promises, lease };
  }

  /** Never throws. */
  abstract replied(reply: TransactionReply): void;

  abstract failed(error: unknown): void;
}

/** The first bucket that transactions are about. */
export function firstKeyOf([first]: readonly Transaction[]): string {
  return first instanceof PlainCall ? first.name : (first?.takes[0]?.key ?? '');
}

/** What decides plain calls later, many at a time. */
export interface PlainQueue {
  /** Whether the call will be told. Else it has to be decided as a transaction, for there is more to do. */
  enqueue(call: PlainCall): boolean;
}
