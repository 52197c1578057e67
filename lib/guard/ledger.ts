import { AsyncLocalStorage } from 'node:async_hooks';
import type { Change } from '../algorithms/kernel.js';
import type { Charge } from '../limiter/charge.js';
import { type Decision, tightest } from '../limiter/decision.js';
import type { Judgement, Outcome } from '../limiter/judgement.js';
import { linesOf, type Place } from '../limiter/waiting/waiting-room.js';
import type { Policy } from '../options/policy.js';
import { Ending } from './ending.js';
import type { ReservedCharge } from './settlements.js';

interface Named {
  readonly id: string;
}

const NOTHING: readonly never[] = Object.freeze([]);

const isAmong = (policies: readonly Named[], { id }: Named): boolean => policies.some((one) => one.id === id);

function join<T>(before: readonly T[], more: readonly T[]): readonly T[] {
  if (more.length === 0) return before;
  return before.length === 0 ? more : [...before, ...more];
}

const isTold = ({ placed: { shadow } }: Outcome): boolean => shadow === undefined || shadow.headers;

/** What has been decided for one invocation. A policy counts once, however often the guard is bound. */
export class Ledger {
  // Of most invocations one policy is asked, once: lists of their own are made where there is more to note.
  private asked: readonly Named[] = NOTHING;
  private decided: readonly Outcome[] = NOTHING;
  private changed: readonly Change[] = NOTHING;
  private inLine: readonly Charge[] = NOTHING;
  private estimated: readonly ReservedCharge[] = NOTHING;
  private end: Ending | undefined;
  private order = Number.POSITIVE_INFINITY;
  /** When the invocation may start, in milliseconds of `performance.now()`. */
  private start = 0;
  /** The same in microseconds of the store's clock. */
  private slot = 0;
  /** Since when it waits, likewise. */
  private since = Number.POSITIVE_INFINITY;
  /** What the invocation was refused with. A caller that tries again inside of it is refused again. */
  refusal: Error | undefined;

  /** Those of the policies that have not been asked for yet. From now on they have. */
  open<T extends Named>(policies: readonly T[]): readonly T[] {
    const { asked } = this;
    // Most guards are bound twice, and the second comes with the list of the first.
    if (asked === policies) return NOTHING;
    const pending = asked.length === 0 ? policies : policies.filter((one) => !isAmong(asked, one));
    this.asked = join(asked, pending);
    return pending;
  }

  /** What was asked for without an answer is asked for again. */
  reopen(policies: readonly Named[]): void {
    this.asked = this.asked.filter((one) => !isAmong(policies, one));
  }

  record({ outcomes, waitMs, decidedAt, slot, changes, order, waiting }: Judgement): void {
    this.decided = join(this.decided, outcomes);
    this.changed = join(this.changed, changes);
    this.inLine = join(this.inLine, waiting);
    // Of two stages the first: what the second was told is then news, and changes nothing.
    this.order = Math.min(this.order, order);
    if (waitMs === 0) return;
    this.start = Math.max(this.start, decidedAt + waitMs);
    this.slot = Math.max(this.slot, slot);
    this.since = Math.min(this.since, decidedAt);
  }

  /** What was taken as an estimate. */
  reserve(charges: readonly ReservedCharge[]): void {
    this.estimated = join(this.estimated, charges);
  }

  get hasReserved(): boolean {
    return this.estimated.length > 0;
  }

  /** Whoever is given it settles it: the next is given nothing. */
  takeReserved(): readonly ReservedCharge[] {
    const { estimated } = this;
    this.estimated = NOTHING;
    return estimated;
  }

  /** Only where something is to be settled: most invocations need none. */
  get ending(): Ending {
    this.end ??= new Ending();
    return this.end;
  }

  /** What was asked for once more counts instead of what was told before. */
  amend({ outcomes }: Judgement): void {
    this.decided = this.decided.map(
      (known) => outcomes.find(({ placed }) => placed.id === known.placed.id) ?? known,
    );
  }

  /** What the caller is told of: all that is enforced, and of shadow mode what is to have headers. */
  get told(): readonly Outcome[] {
    return this.decided.every(isTold) ? this.decided : this.decided.filter(isTold);
  }

  /** The place in line that the stages have taken; there is only one for an invocation. */
  get place(): Place {
    return {
      startAt: this.start,
      slot: this.slot,
      changes: this.changed,
      lines: linesOf(this.inLine),
      order: this.order,
    };
  }

  /** Whether it had to wait when it was decided. */
  get waits(): boolean {
    return this.start > 0;
  }

  /** The limits that it waits for, each only as long as is left of what its policy admits. */
  get waiting(): readonly Charge[] {
    const waited = performance.now() - this.since;
    return this.inLine.map((charge) => {
      const { maxWaitMs } = charge.placed.policy;
      if (maxWaitMs === undefined) return charge;
      return { ...charge, patience: { maxWaitMicros: Math.floor(1000 * Math.max(0, maxWaitMs - waited)) } };
    });
  }

  /** The tightest decision, or that of a policy by its value or name. */
  decision(policy?: Policy | string): Decision | undefined {
    if (policy === undefined) return tightest(this.decided.map(({ decision }) => decision));
    const name = typeof policy === 'string' ? policy : policy.name;
    return this.decided.find(({ placed }) => placed.id === name || placed.policy === policy)?.decision;
  }
}

/** The ledger of the invocation that is running, for its handler's parameters; undefined where nothing is decided. */
export const currentLedger = new AsyncLocalStorage<Ledger | undefined>();
