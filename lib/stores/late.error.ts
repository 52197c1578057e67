/** A call was not carried out by its deadline, and never will be. */
export class LateError extends Error {
  override readonly name = 'LateError';

  constructor() {
    super('the store has not answered in time');
  }
}
