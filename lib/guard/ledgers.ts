import { Ledger } from './ledger.js';

/** What its constructor answers is what a subclass adds its private fields to. */
class Given {
  constructor(target: object) {
    // biome-ignore lint/correctness/noConstructorReturn: that is what it is for
    return target;
  }
}

/**
 * The ledger of each invocation, for one engine. It is kept as a private field of the object that stands for the invocation:
 * nobody else sees that, it goes where the object goes, and it costs less than an entry of a WeakMap, which keeps V8's
 * collector busy at every request.
 */
export function makeLedgers(): (invocation: object) => Ledger {
  // A proposal for JavaScript forbids private fields on what is frozen.
  let ofFrozen: WeakMap<object, Ledger> | undefined;

  // A class for each engine: a request may be passed on to an application inside of another.
  class Noted extends Given {
    readonly #ledger = new Ledger();

    static of(invocation: object): Ledger {
      if (#ledger in invocation) return (invocation as Noted).#ledger;
      if (Object.isExtensible(invocation)) return (new Noted(invocation) as Noted).#ledger;
      ofFrozen ??= new WeakMap();
      const ledger = ofFrozen.get(invocation) ?? new Ledger();
      ofFrozen.set(invocation, ledger);
      return ledger;
    }
  }
  return Noted.of;
}
