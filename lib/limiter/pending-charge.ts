import { PlainCall } from '../stores/plain-call.js';
import type { PlainTake, TransactionReply } from '../stores/store.interface.js';
import { keyPart } from './bucket-key.js';
import type { Charge } from './charge.js';
import type { Judgement } from './judgement.js';

/** A plain charge while the store is asked for it, and the answer of whoever waits. */
export class PendingCharge<T> extends PlainCall {
  readonly answered: Promise<T>;
  private resolve!: (answer: T) => void;
  private reject!: (error: unknown) => void;

  constructor(
    private readonly charge: Charge,
    take: PlainTake,
    counted: boolean,
    /** Which of the limiter's calls it is. */
    private readonly order: number,
    private readonly read: (
      charge: Charge,
      call: PendingCharge<T>,
      reply: TransactionReply,
      order: number,
    ) => Judgement,
    private readonly answer: (judgement: Judgement) => T,
  ) {
    const { onStoreError } = charge.placed.policy;
    super(take, keyPart(charge.key), counted, onStoreError === undefined ? undefined : [onStoreError]);
    this.answered = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  override replied(reply: TransactionReply): void {
    try {
      this.resolve(this.answer(this.read(this.charge, this, reply, this.order)));
    } catch (error) {
      this.reject(error);
    }
  }

  override failed(error: unknown): void {
    this.reject(error);
  }
}
