import type { Take } from '../algorithms/kernel.js';
import type { OnStoreError, PlainTake, Transaction, TransactionReply } from './store.interface.js';

/** A plain take of a bucket. */
export interface BucketTake {
  readonly take: PlainTake;
  /** The part of the bucket's name in braces. */
  readonly key: string;
}

/**
 * Plain takes that are decided together, all or nothing, with whoever waits for them: a transaction that is told its reply. What
 * nearly all decisions are is so one object on their whole way, and one promise. The call is itself the first of its takes, for
 * mostly there is no other.
 */
export abstract class PlainCall implements Transaction, BucketTake {
  private named: readonly Take[] | undefined;

  constructor(
    readonly take: PlainTake,
    readonly key: string,
    /** The takes beside the first, each of a bucket of its own. */
    readonly others: readonly BucketTake[],
    readonly counted: boolean,
    readonly onStoreError: readonly (OnStoreError | undefined)[] | undefined,
  ) {}

  /** Made for those who ask: most go by `take` and `key`. */
  get takes(): readonly Take[] {
    this.named ??= [namedTake(this), ...this.others.map(namedTake)];
    return this.named;
  }

  /** Never throws. */
  abstract replied(reply: TransactionReply): void;

  abstract failed(error: unknown): void;
}

export const nameOf = ({ take, key }: BucketTake): string => `${take.policy}:{${key}}`;

/** All by name: spread syntax would cost more than all else of the call. */
function namedTake(of: BucketTake): Take {
  const { scale, capacity, cost, allowance, startLevel, promises, lease } = of.take;
  return { key: nameOf(of), scale, capacity, cost, allowance, startLevel, promises, lease };
}

/** The first bucket that transactions are about. */
export function firstKeyOf([first]: readonly Transaction[]): string {
  return first instanceof PlainCall ? nameOf(first) : (first?.takes[0]?.key ?? '');
}

/** What decides plain calls later, many at a time. */
export interface PlainQueue {
  /** Whether the call will be told. Else it has to be decided as a transaction, for there is more to do. */
  enqueue(call: PlainCall): boolean;
}
