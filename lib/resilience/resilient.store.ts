import type { Change } from '../algorithms/kernel.js';
import type { TakenAt } from '../algorithms/record.js';
import type { Report } from '../algorithms/report.js';
import type { Actual, Settled } from '../algorithms/settlement.js';
import { type Awaitable, chain, mapAll, orElse } from '../common/awaitable.js';
import { ForwardingStore } from '../stores/forwarding.store.js';
import type { MemoryStore } from '../stores/memory/memory.store.js';
import { SomeFailedError } from '../stores/some-failed.error.js';
import type {
  Deadline,
  Store,
  StoreState,
  Transaction,
  TransactionReply,
} from '../stores/store.interface.js';
import { type Debt, type Debts, transactionOf } from './debts.js';
import { isMisuse, isOfOneKey } from './failures.js';
import type { Fallback } from './fallback.js';
import { type LateReplies, type Verdicts, verdictsOf } from './late-replies.js';
import type { NodeGate } from './node-gate.js';
import type { Repayment } from './repayment.js';
import type { StoreHealth } from './store-health.js';
import { NotAskedError } from './store-unavailable.js';

/** What a resilient store is made of. */
export interface ResilienceParts {
  /** The store, behind a gate. */
  readonly store: Store;
  readonly gate: NodeGate;
  /** The buckets of this process. */
  readonly local: MemoryStore;
  readonly fallback: Fallback;
  readonly debts: Debts;
  readonly repayment: Repayment;
  readonly lateReplies: LateReplies;
  readonly health: StoreHealth;
  readonly timeoutMs: number;
}

/**
 * A store that always decides in time: where the store behind it cannot be asked, this process does, and owes what it has
 * taken. What is no decision fails instead (`STORE_UNAVAILABLE`), for nothing can stand for it.
 */
export class ResilientStore extends ForwardingStore {
  private readonly local: MemoryStore;

  constructor(private readonly parts: ResilienceParts) {
    super(parts.store);
    this.local = parts.local;
  }

  /** `given` has perhaps less time left than a decision has of itself. */
  override decide(
    transactions: readonly Transaction[],
    given?: Deadline,
  ): Awaitable<readonly TransactionReply[]> {
    const { debts, fallback, health, lateReplies, timeoutMs } = this.parts;
    // Where nothing is owed, as nearly always, this costs nothing.
    const owed = debts.isEmpty ? [] : debts.begin(keysOf(transactions));
    let verdicts: Verdicts = new Map();
    const deadline: Deadline = {
      until: Math.min(performance.now() + timeoutMs, given?.until ?? Number.POSITIVE_INFINITY),
      onLate: (late, replies) => lateReplies.note(late, replies, verdicts, health.state === 'closed'),
    };
    const asked = owed.length === 0 ? transactions : [...owed.map(transactionOf), ...transactions];
    return orElse<readonly TransactionReply[]>(
      () => {
        const replies = this.store.decide(asked, deadline);
        return owed.length === 0 ? replies : chain(replies, (told) => this.paid(owed, told));
      },
      (error) => {
        if (error instanceof SomeFailedError) {
          this.settleOwed(owed, error.outcomes);
          const outcomes = error.outcomes.slice(owed.length);
          return this.decideRest(transactions, outcomes, deadline.until, (rest) => {
            verdicts = rest;
          });
        }
        for (const debt of owed) debts.failed(debt);
        if (isMisuse(error)) throw error;
        if (isOfOneKey(error) && transactions.length > 1)
          return this.decideApart(transactions, deadline.until);
        const replies = fallback.decide(transactions);
        verdicts = verdictsOf(transactions, replies);
        return replies;
      },
    );
  }

  /**
   * Where one key has failed a call, nothing was written, and the transactions about others are none the worse for it: each half
   * by itself, until only those are left that the key is in.
   */
  private decideApart(
    transactions: readonly Transaction[],
    until: number,
  ): Awaitable<readonly TransactionReply[]> {
    if (transactions.length < 2) return this.decide(transactions, { until });
    const middle = transactions.length >> 1;
    const halves = [transactions.slice(0, middle), transactions.slice(middle)];
    const decided = mapAll(halves, (half) => this.decide(half, { until }));
    return chain(decided, (replies) => replies.flat());
  }

  /** Those that the store could not decide, where it has decided others. */
  private decideRest(
    transactions: readonly Transaction[],
    outcomes: SomeFailedError['outcomes'],
    until: number,
    note: (verdicts: Verdicts) => void,
  ): Awaitable<readonly TransactionReply[]> {
    const failed = (isOne: boolean) =>
      transactions.filter((_, i) => outcomes[i] instanceof Error && isOfOneKey(outcomes[i]) === isOne);
    const instead = this.parts.fallback.decide(failed(false));
    note(verdictsOf(failed(false), instead));
    return chain(this.decideApart(failed(true), until), (apart) => {
      const [ofOneKey, others] = [apart[Symbol.iterator](), instead[Symbol.iterator]()];
      return outcomes.map((outcome) => {
        if (!(outcome instanceof Error)) return outcome;
        return (isOfOneKey(outcome) ? ofOneKey : others).next().value as TransactionReply;
      });
    });
  }

  /** What was taken here is given back here. */
  override refund(key: string, tokens: number, taken?: TakenAt): Awaitable<boolean> {
    return orElse(
      () => this.store.refund(key, tokens, taken),
      (error) => {
        // What was asked for may have been done: here it would be given back once more.
        if (error instanceof NotAskedError && this.local.refund(key, tokens, taken)) return true;
        throw error;
      },
    );
  }

  override undo(changes: readonly Change[]): Awaitable<number> {
    return this.local.undo(changes) || this.store.undo(changes);
  }

  override settle(key: string, actual: Actual): Awaitable<Omit<Settled, 'record'> | undefined> {
    const settled = this.local.settle(key, actual);
    if (settled === undefined) return this.store.settle(key, actual);
    // What it has cost more is owed, also where the estimate was paid meanwhile.
    if (settled.ticks > 0) this.parts.debts.noteSettled(key, actual.id);
    if (this.parts.health.state === 'closed') void this.parts.repayment.payAll();
    return settled;
  }

  override report(key: string, report: Report): Awaitable<StoreState> {
    return orElse(
      () => this.store.report(key, report),
      (error) => {
        if (isMisuse(error)) throw error;
        this.parts.debts.noteReport(key, report);
        return this.local.report(key, report);
      },
    );
  }

  override unblock(key: string): Awaitable<boolean> {
    const wasBlocked = this.local.unblock(key);
    return chain(this.store.unblock(key), (wasBlockedThere) => wasBlockedThere || wasBlocked);
  }

  override reset(key: string): Awaitable<boolean> {
    this.parts.debts.forget(key);
    const wasHere = this.local.reset(key);
    return chain(this.store.reset(key), (wasThere) => wasThere || wasHere);
  }

  override close(): Awaitable<void> {
    this.parts.gate.stop();
    this.local.close();
    return this.store.close();
  }

  private settleOwed(owed: readonly Debt[], outcomes: SomeFailedError['outcomes']): void {
    for (const [i, debt] of owed.entries()) {
      const outcome = outcomes[i] as TransactionReply | Error;
      if (outcome instanceof Error) this.parts.debts.failed(debt);
      else this.parts.repayment.paid(debt, outcome);
    }
  }

  /** Answers the replies of what was asked for. */
  private paid(owed: readonly Debt[], replies: readonly TransactionReply[]): readonly TransactionReply[] {
    this.settleOwed(owed, replies);
    return replies.slice(owed.length);
  }
}

const keysOf = (transactions: readonly Transaction[]): Set<string> =>
  new Set(transactions.flatMap(({ takes }) => takes.map(({ key }) => key)));
