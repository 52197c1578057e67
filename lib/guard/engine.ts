import type { ExecutionContext } from '@nestjs/common';
import { asError } from '../common/as-error.js';
import { type Awaitable, chain, mapAll, onFailure, orElse } from '../common/awaitable.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import type { Charge } from '../limiter/charge.js';
import type { Judgement } from '../limiter/judgement.js';
import type { Limiter } from '../limiter/limiter.js';
import { isShadow } from '../limiter/shadow-parts.js';
import type { Turns } from '../limiter/waiting/turns.js';
import { type PlaceFor, placeOf } from '../limiter/waiting/waiting-room.js';
import type { HandlerOutcome, Stage } from '../options/policy-options.js';
import type { PlannedPolicy } from '../plan/handler-plan.js';
import type { PlanCatalog } from '../plan/plan-catalog.js';
import { CallerGoneError } from '../transport/caller-gone.error.js';
import type { Interruption, Transport } from '../transport/transport.js';
import type { Transports } from '../transport/transports.js';
import { chargeOf } from './charge-of.js';
import type { Ledger } from './ledger.js';
import { makeLedgers } from './ledgers.js';
import type { ReservedCharge, Settlements } from './settlements.js';
import { ShadowFailures } from './shadow-failures.js';

/** Decides a stage of an invocation: plan → keys → limiter → transport. */
export class RateLimitEngine {
  private readonly ledgerAt = makeLedgers();
  private readonly shadowFailures = new ShadowFailures();

  constructor(
    private readonly catalog: PlanCatalog,
    private readonly limiter: Limiter,
    private readonly transports: Transports,
    private readonly turns: Turns,
    private readonly settlements: Settlements,
  ) {}

  /**
   * Decides what the stage still has to decide.
   * @returns the invocation's ledger, or undefined where the handler has no policy
   * @throws what the transport refuses with
   */
  decide(context: ExecutionContext, stage: Stage): Awaitable<Ledger | undefined> {
    const plan = this.catalog.planOf(context.getClass(), context.getHandler() as () => unknown);
    if (plan.guard.length + plan.handler.length === 0) return undefined;
    const ledger = this.ledgerOf(context);
    if (ledger.refusal !== undefined) throw ledger.refusal;
    const pending = ledger.open(plan[stage]);
    if (pending.length === 0) return ledger;
    const judgement = onFailure(
      () => this.judge(pending, context, ledger),
      () => ledger.reopen(pending),
    );
    return chain(judgement, (known) => (known ? this.note(context, ledger, known) : ledger));
  }

  /**
   * Waits for the turn of an invocation. A caller that leaves, or a shutdown, ends the wait: its handler must not run.
   * @throws what the transport ends an invocation with
   */
  async turn(context: ExecutionContext, ledger: Ledger): Promise<void> {
    // One whose turn has come meanwhile goes through the line as well: others may be due before it.
    if (!ledger.waits) return;
    const transport = this.transports.of(context);
    const place = { ...ledger.place, value: undefined, retake: () => this.retake(context, ledger) };
    try {
      await this.turns.wait(place, (waiter) => ({
        untie: transport.onGone(context, () => waiter.cancel(new CallerGoneError())),
      }));
    } catch (reason) {
      if (!isInterruption(reason)) throw reason;
      this.settle(context, ledger, { aborted: true });
      throw transport.interruption(context, reason);
    }
  }

  /** Settles what the policies of an invocation have estimated, once, however it has ended. Nobody waits for it. */
  settle(context: ExecutionContext, ledger: Ledger, outcome: HandlerOutcome): void {
    this.settlements.start(ledger.takeReserved(), context, outcome);
  }

  /** Ends every wait at once, also those to come. */
  close(): void {
    this.turns.close();
  }

  /** The place of an invocation whose turn would come inside a block; what does not wait has been taken already. */
  private retake(context: ExecutionContext, ledger: Ledger): Awaitable<PlaceFor<void>> {
    return chain(this.limiter.decide(ledger.waiting), (judgement) => {
      ledger.amend(judgement);
      this.tell(context, ledger, judgement);
      return { ...placeOf(judgement), value: undefined };
    });
  }

  /** Undefined where no limit is left: all are unlimited for this request. */
  private judge(
    pending: readonly PlannedPolicy[],
    context: ExecutionContext,
    ledger: Ledger,
  ): Awaitable<Judgement | undefined> {
    const [first] = pending;
    if (pending.length === 1 && first?.shadow === undefined) {
      const charge = chargeOf(first as PlannedPolicy, context);
      return chain(charge, (known) => known && this.take([known], ledger));
    }
    const charges = mapAll(pending, (planned) => this.ask(planned, context));
    return chain(charges, (known) => {
      const limited = known.filter((charge): charge is Charge => charge !== undefined);
      if (limited.length === 0) return undefined;
      if (!limited.every(isShadow)) return this.take(limited, ledger);
      // Where nothing is enforced, a store that fails must fail no request either.
      const asked = pending.filter((_, i) => known[i] !== undefined);
      return orElse<Judgement | undefined>(
        () => this.take(limited, ledger),
        (error) => this.shadowFailures.noteAll(asked, error),
      );
    });
  }

  private take(charges: readonly Charge[], ledger: Ledger): Awaitable<Judgement> {
    return chain(this.limiter.decide(charges), (judgement) => {
      if (judgement.admitted && charges.some(isReserved)) ledger.reserve(reservedIn(charges, judgement));
      return judgement;
    });
  }

  private ask(planned: PlannedPolicy, context: ExecutionContext): Awaitable<Charge | undefined> {
    if (planned.shadow === undefined) return chargeOf(planned, context);
    return orElse(
      () => chargeOf(planned, context),
      (error) => this.shadowFailures.note(planned, error),
    );
  }

  private note(context: ExecutionContext, ledger: Ledger, judgement: Judgement): Ledger {
    ledger.record(judgement);
    this.tell(context, ledger, judgement);
    return ledger;
  }

  /** @throws what the transport refuses with */
  private tell(context: ExecutionContext, ledger: Ledger, { admitted, outcomes }: Judgement): void {
    const transport = this.transports.of(context);
    const { told } = ledger;
    if (told.length > 0) transport.publish(context, told);
    if (admitted) return;
    ledger.refusal = refusalOf(transport, context, outcomes);
    throw ledger.refusal;
  }

  private ledgerOf(context: ExecutionContext): Ledger {
    return this.ledgerAt(this.transports.of(context).invocation(context));
  }
}

/** A function of the application's own that fails refuses too: a second try must not find nothing left to ask. */
function refusalOf(transport: Transport, ...refused: Parameters<Transport['refusal']>): Error {
  try {
    return transport.refusal(...refused);
  } catch (error) {
    return asError(error);
  }
}

/** What was taken as an estimate; of limits in shadow mode, only where that has fitted. */
function reservedIn(charges: readonly Charge[], { outcomes }: Judgement): ReservedCharge[] {
  const taken = charges.filter((_, i) => outcomes[i]?.decision.shadow !== 'refused');
  return taken.filter(isReserved);
}

const isReserved = (charge: Charge): charge is ReservedCharge => charge.reserve !== undefined;

/** The end of a wait that nobody has decided. */
const isInterruption = (reason: unknown): reason is Interruption =>
  reason instanceof CallerGoneError || (reason instanceof RateLimitError && reason.code === 'SHUTTING_DOWN');
