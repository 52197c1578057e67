import { type BucketTake, PlainCall } from '../stores/plain-call.js';
import type { OnStoreError, PlainTake, TransactionReply } from '../stores/store.interface.js';
import { keyPart } from './bucket-key.js';
import type { Charge } from './charge.js';
import type { Judgement } from './judgement.js';

/** A plain charge, and what the store is asked for it. */
export interface ChargedTake extends BucketTake {
  readonly charge: Charge;
}

/** Plain charges that are decided together, as their judgement is made. */
export interface ChargedCall extends PlainCall, ChargedTake {
  readonly others: readonly ChargedTake[];
  /** Which of the limiter's calls it is. */
  readonly order: number;
}

/** A plain charge while the store is asked for it, perhaps with others, and the answer of whoever waits. */
export class PendingCharge<T> extends PlainCall implements ChargedCall {
  readonly answered: Promise<T>;
  private resolve!: (answer: T) => void;
  private reject!: (error: unknown) => void;

  constructor(
    readonly charge: Charge,
    take: PlainTake,
    override readonly others: readonly ChargedTake[],
    counted: boolean,
    readonly order: number,
    private readonly read: (call: ChargedCall, reply: TransactionReply) => Judgement,
    private readonly answer: (judgement: Judgement) => T,
  ) {
    super(take, keyPart(charge.key), others, counted, answersOf(charge, others));
    this.answered = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  override replied(reply: TransactionReply): void {
    try {
      this.resolve(this.answer(this.read(this, reply)));
    } catch (error) {
      this.reject(error);
    }
  }

  override failed(error: unknown): void {
    this.reject(error);
  }
}

/** Undefined where none has one of its own, as nearly always. */
function answersOf(
  { placed }: Charge,
  others: readonly ChargedTake[],
): readonly (OnStoreError | undefined)[] | undefined {
  const first = placed.policy.onStoreError;
  if (first === undefined && !others.some(hasAnswer)) return undefined;
  return [first, ...others.map(answerOf)];
}

const answerOf = ({ charge }: ChargedTake): OnStoreError | undefined => charge.placed.policy.onStoreError;

const hasAnswer = (one: ChargedTake): boolean => answerOf(one) !== undefined;
