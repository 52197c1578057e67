import type { TransactionReply } from './store.interface.js';

/** Of several transactions some were decided, and some could not be. */
export class SomeFailedError extends Error {
  override readonly name = 'SomeFailedError';

  /** @param outcomes of each transaction its reply, or why there is none */
  constructor(readonly outcomes: readonly (TransactionReply | Error)[]) {
    super('some of the transactions could not be decided');
  }

  /** @throws SomeFailedError, or the one error that all have come to */
  static check(outcomes: readonly (TransactionReply | Error)[]): TransactionReply[] {
    const [first] = outcomes;
    if (first instanceof Error && outcomes.every((outcome) => outcome === first)) throw first;
    if (outcomes.some((outcome) => outcome instanceof Error)) throw new SomeFailedError(outcomes);
    return outcomes as TransactionReply[];
  }
}
