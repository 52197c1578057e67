import { expect, it } from '@jest/globals';
import { tokenBucket } from '../../../lib/index.js';
import type { Charge } from '../../../lib/limiter/charge.js';
import { Limiter } from '../../../lib/limiter/limiter.js';
import { MemoryStore } from '../../../lib/stores/memory/memory.store.js';
import type { PlainQueue } from '../../../lib/stores/plain-call.js';
import type { Deadline, Transaction } from '../../../lib/stores/store.interface.js';

const TIMEOUT_MS = 100;

/** Asks another process for the limits that were set, and decides plain calls later. */
class FarStore extends MemoryStore implements PlainQueue {
  readonly deadlines: (Deadline | undefined)[] = [];
  enqueued = 0;

  override readLimits() {
    return Promise.resolve(super.readLimits()) as never;
  }

  override decide(transactions: readonly Transaction[], deadline?: Deadline) {
    this.deadlines.push(deadline);
    return super.decide(transactions);
  }

  override decidePlain = (): undefined => undefined;

  enqueue(): boolean {
    this.enqueued++;
    return false;
  }
}

it.each([1, 2, 4])(
  'a decision of %i limits has one deadline, with the wait for those that were set',
  async (count) => {
    const store = new FarStore({ maxKeys: 10 });
    const usual = undefined;
    const limiter = new Limiter(store, usual, usual, usual, usual, usual, store, TIMEOUT_MS);
    const charges = Array.from({ length: count }, (_, i): Charge => {
      const policy = tokenBucket({ name: `chat-${i}`, capacity: 5, rate: 1 });
      return { placed: { id: `chat-${i}`, policy }, key: 'ada', cost: 1 } as Charge;
    });
    const before = performance.now();
    const asked = limiter.decide(charges);
    const latest = performance.now() + TIMEOUT_MS;
    await asked;
    await limiter.decide(charges);
    const [first, second] = store.deadlines;
    expect(first?.until).toBeGreaterThanOrEqual(before + TIMEOUT_MS);
    expect(first?.until).toBeLessThanOrEqual(latest);
    // Now they are known: there was no wait.
    expect(second).toBeUndefined();
    expect(store.enqueued).toBe(1);
  },
);
