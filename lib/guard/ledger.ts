import { AsyncLocalStorage } from 'node:async_hooks';
import { type Decision, tightest } from '../limiter/decision.js';
import type { Judgement, Outcome } from '../limiter/limiter.js';

/** What has been decided for one invocation. A policy counts once, however often the guard is bound. */
export class Ledger {
  private readonly asked = new Set<string>();
  private readonly decided: Outcome[] = [];
  /** When the invocation may start, in milliseconds of `performance.now()`. */
  private start = 0;

  /** Those of the policies that have not been asked for yet. From now on they have. */
  open<T extends { readonly id: string }>(policies: readonly T[]): readonly T[] {
    const pending = policies.filter(({ id }) => !this.asked.has(id));
    for (const { id } of pending) this.asked.add(id);
    return pending;
  }

  record({ outcomes, delayMs }: Judgement): void {
    this.decided.push(...outcomes);
    if (delayMs > 0) this.start = Math.max(this.start, performance.now() + delayMs);
  }

  get outcomes(): readonly Outcome[] {
    return this.decided;
  }

  get startAt(): number {
    return this.start;
  }

  /** The tightest decision, or that of a policy by its name. */
  decision(policy?: string): Decision | undefined {
    const decisions = this.decided.map(({ decision }) => decision);
    return policy === undefined ? tightest(decisions) : decisions.find((one) => one.policy === policy);
  }
}

/** The ledger of the invocation that is running, for its handler's parameters. */
export const currentLedger = new AsyncLocalStorage<Ledger>();
