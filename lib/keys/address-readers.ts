import type { ExecutionContext } from '@nestjs/common';

/** What is asked about a request: a key resolver, or a predicate of `skip`. */
export type Question = (context: ExecutionContext) => unknown;

const READS_ADDRESS = Symbol.for('nestjs-floodgate.reads-address');

/** Marks what goes by the client's address: whoever can forge that is somebody else. */
export function addressReader<Q extends Question>(question: Q): Q {
  return Object.assign(question, { [READS_ADDRESS]: true });
}

export function readsAddress(question: Question): boolean {
  return (question as { readonly [READS_ADDRESS]?: boolean })[READS_ADDRESS] === true;
}
