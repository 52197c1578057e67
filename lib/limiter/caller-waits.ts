import { checkWait } from '../options/parse-policy.js';
import type { Charge } from './charge.js';
import type { ChargeReader } from './charge-reader.js';
import type { Decision } from './decision.js';
import { decisionOf } from './judgement.js';
import { checkOptions, checkSignal } from './service-options.js';
import { TakenDecision } from './taken-decision.js';
import type { Order, Places, WaitOptions } from './waiting/places.js';
import type { Retake } from './waiting/waiting-room.js';

/** How callers of the service wait for their turn. */
export class CallerWaits {
  constructor(
    private readonly read: ChargeReader,
    private readonly places: Places,
  ) {}

  /** Checks what is asked for, and lets the caller wait. */
  enter<T, Rest>(
    method: string,
    known: readonly string[],
    options: Rest & WaitOptions,
    read: (rest: Omit<Rest, keyof WaitOptions>) => Order<T>,
  ): Promise<T> {
    // While it waits, only the promise that the caller gets is kept: an async function would keep its frame and another.
    return new Promise((resolve, reject) => {
      const place = `RateLimiterService.${method}`;
      checkOptions(options, [...known, 'maxWaitMs', 'signal'], place);
      const { maxWaitMs, signal, ...rest } = options;
      if (maxWaitMs !== undefined) checkWait(maxWaitMs, `${place}: maxWaitMs`);
      checkSignal(signal, place);
      this.places.enter(read(rest), { maxWaitMs, signal }, resolve).catch(reject);
    });
  }

  /** One bucket, and its decision for an answer. */
  orderOne(charge: Charge): Order<Decision> {
    return {
      charges: [charge],
      terms: {},
      answer: decisionOf,
      retake: this.againByDecision,
    };
  }

  /** What a waiter has asked for is in the decision that it will be answered: an order kept for each would cost more. */
  private readonly againByDecision: Retake = ({ value, giveUpAt }) => {
    const decision = value as TakenDecision;
    const bucket = this.read.bucket('acquire', decision.policy, decision.key);
    const charge = { ...bucket, ...TakenDecision.takenBy(decision) };
    return this.places.again(this.orderOne(charge), giveUpAt);
  };
}
