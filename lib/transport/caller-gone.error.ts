/** The caller has left while it waited for its turn: nobody is there to read an answer. */
export class CallerGoneError extends Error {
  override readonly name = 'CallerGoneError';

  constructor() {
    super('the caller has left while it waited for its turn');
  }
}
