import type { Terms } from '../../algorithms/kernel.js';
import { RateLimitError } from '../../errors/rate-limit.error.js';
import type { Charge } from '../charge.js';
import { soonest } from '../decision.js';
import type { Judgement } from '../judgement.js';
import type { Limiter } from '../limiter.js';
import type { PlacedPolicy } from '../placed-policy.js';
import { RateLimitExceededError } from '../rate-limit-exceeded.error.js';
import type { Turns } from './turns.js';
import { type PlaceFor, placeOf, type Resolve, type Retake } from './waiting-room.js';
import { watchSignal } from './watch-signal.js';

/** What a caller waits for, and what it is answered. */
export interface Order<T> {
  readonly charges: readonly Charge[];
  readonly terms: Terms;
  readonly answer: (judgement: Judgement) => T;
  /** How the same is asked for again; by default by keeping the order. */
  readonly retake?: Retake;
}

/** How long a caller waits. */
export interface WaitOptions {
  readonly maxWaitMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Takes places in lines for callers who wait, each with one call of the store. */
export class Places {
  constructor(
    private readonly limiter: Limiter,
    private readonly turns: Turns,
  ) {}

  /**
   * Lets a caller wait for its turn. Done as soon as it waits.
   * @throws RateLimitExceededError where the turn never comes; the reason of the signal
   */
  async enter<T>(order: Order<T>, { maxWaitMs, signal }: WaitOptions, resolve: Resolve<T>): Promise<void> {
    signal?.throwIfAborted();
    const place = await this.reserve(order, maxWaitMs);
    if (signal?.aborted) {
      // Aborted while the store was asked: the turn may have come, but nothing has started.
      this.turns.leave(place);
      throw signal.reason;
    }
    this.turns.settle(resolve, place, signal && watchSignal(signal));
  }

  /**
   * Takes a place.
   * @throws RateLimitExceededError where there is none: with nothing taken; RateLimitError `LEASE_NO_WAITING`
   */
  async reserve<T>(order: Order<T>, maxWaitMs: number | undefined): Promise<PlaceFor<T>> {
    const { charges, terms, answer, retake = (waiter) => this.again(order, waiter.giveUpAt) } = order;
    for (const { placed } of charges) if (placed.policy.lease !== undefined) throw cannotWait(placed);
    const patience = maxWaitMs === undefined ? {} : { maxWaitMicros: Math.floor(maxWaitMs * 1000) };
    const asked = charges.map((charge) => ({ ...charge, patience }));
    const judgement = await this.limiter.decide(asked, { ...terms, counted: true });
    if (!judgement.admitted) {
      const decisions = judgement.outcomes.map(({ decision }) => decision);
      throw new RateLimitExceededError(decisions, terms.pick && soonest(decisions));
    }
    const bound = longestWait(charges, maxWaitMs);
    const giveUpAt = bound === undefined ? undefined : judgement.decidedAt + bound;
    return { ...placeOf(judgement), value: answer(judgement), retake, giveUpAt };
  }

  /** Takes a place once more, for a caller who will not wait beyond a time. */
  again<T>(order: Order<T>, giveUpAt: number | undefined): Promise<PlaceFor<T>> {
    return this.reserve(
      order,
      giveUpAt === undefined ? undefined : Math.max(0, giveUpAt - performance.now()),
    );
  }
}

/** Nobody knows when what others hold is spent, so no start could be kept. */
const cannotWait = ({ id }: PlacedPolicy): RateLimitError =>
  new RateLimitError(
    'LEASE_NO_WAITING',
    `'${id}' has lease, so nobody can wait for a turn; use consume, or leave lease out`,
  );

/** How long the caller waits in all, wherever: what it says, and what the policies say. Undefined: as long as they admit. */
function longestWait(charges: readonly Charge[], maxWaitMs = Number.POSITIVE_INFINITY): number | undefined {
  const bounds = charges.map(({ placed }) => placed.policy.maxWaitMs ?? Number.POSITIVE_INFINITY);
  const bound = Math.min(maxWaitMs, Math.max(...bounds));
  return bound === Number.POSITIVE_INFINITY ? undefined : bound;
}
