import { type ExecutionContext, Logger } from '@nestjs/common';
import type { Hold } from '../algorithms/kernel.js';
import { isUnavailable } from '../errors/is-unavailable.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';
import type { Charge } from '../limiter/charge.js';
import type { Limiter } from '../limiter/limiter.js';
import type { HandlerOutcome, SettleResolver } from '../options/policy-options.js';
import type { PlannedPolicy } from '../plan/handler-plan.js';

/** A charge whose cost is an estimate. */
export interface ReservedCharge extends Charge {
  readonly placed: PlannedPolicy;
  readonly reserve: Hold;
}

/** Settles what was estimated for invocations that have ended. Nobody waits for it but a shutdown. */
export class Settlements {
  private readonly underWay = new Set<Promise<void>>();
  private readonly logger = new Logger('RateLimitInterceptor');

  constructor(private readonly limiter: Limiter) {}

  start(reserved: readonly ReservedCharge[], context: ExecutionContext, outcome: HandlerOutcome): void {
    for (const charge of reserved) {
      const settlement = this.settle(charge, context, outcome)
        .catch((error: unknown) => this.tell(charge, error))
        .finally(() => this.underWay.delete(settlement));
      this.underWay.add(settlement);
    }
  }

  /** Waits for those under way, but not longer than this. */
  async drain(milliseconds: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise((resolve) => {
      timer = setTimeout(resolve, milliseconds);
    });
    await Promise.race([Promise.all(this.underWay), timeout]);
    clearTimeout(timer);
  }

  private async settle(
    charge: ReservedCharge,
    context: ExecutionContext,
    outcome: HandlerOutcome,
  ): Promise<void> {
    const { placed, reserve } = charge;
    const cost = await (placed.policy.settle as SettleResolver)(context, outcome);
    checkAnswer(cost);
    await this.limiter.settle(charge, reserve.id, cost);
  }

  private tell({ placed: { id, place }, cost }: ReservedCharge, error: unknown): void {
    // Told once by whoever has noticed, and not for every request.
    if (isUnavailable(error)) return;
    const reason = error instanceof Error ? (error.stack ?? error.message) : show(error);
    this.logger.error(`${place}: settle of '${id}' failed, so its estimate of ${cost} stands: ${reason}`);
  }
}

function checkAnswer(cost: unknown): asserts cost is number {
  if (Number.isSafeInteger(cost) && (cost as number) >= 0) return;
  throw new RateLimitError('INVALID_COST', `settle answered ${show(cost)}; return an integer of at least 0`);
}
