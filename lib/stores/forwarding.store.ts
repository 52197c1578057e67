import type { Change } from '../algorithms/kernel.js';
import type { LeaseRequest } from '../algorithms/lease.js';
import type { TakenAt } from '../algorithms/record.js';
import type { Report } from '../algorithms/report.js';
import type { Actual, Settled } from '../algorithms/settlement.js';
import type { Awaitable } from '../common/awaitable.js';
import type {
  Candidate,
  Deadline,
  Inspection,
  LeaseState,
  Store,
  StoreState,
  Transaction,
  TransactionReply,
} from './store.interface.js';

/** A store around a store: it decides in a way of its own, and hands on what it does not do otherwise. */
export abstract class ForwardingStore<Behind extends Store = Store> implements Store {
  constructor(protected readonly store: Behind) {}

  abstract decide(
    transactions: readonly Transaction[],
    deadline?: Deadline,
  ): Awaitable<readonly TransactionReply[]>;

  refund(key: string, tokens: number, taken?: TakenAt): Awaitable<boolean> {
    return this.store.refund(key, tokens, taken);
  }

  undo(changes: readonly Change[]): Awaitable<number> {
    return this.store.undo(changes);
  }

  settle(key: string, actual: Actual): Awaitable<Omit<Settled, 'record'> | undefined> {
    return this.store.settle(key, actual);
  }

  /** Is asked only where the store behind it has it. */
  lease(key: string, request: LeaseRequest, deadline?: Pick<Deadline, 'until'>): Awaitable<LeaseState> {
    return (this.store as Required<Store>).lease(key, request, deadline);
  }

  report(key: string, report: Report): Awaitable<StoreState> {
    return this.store.report(key, report);
  }

  unblock(key: string): Awaitable<boolean> {
    return this.store.unblock(key);
  }

  reset(key: string): Awaitable<boolean> {
    return this.store.reset(key);
  }

  inspect(keys: readonly string[]): Awaitable<readonly Inspection[]> {
    return this.store.inspect(keys);
  }

  bucketsOf(policy: string): Awaitable<readonly string[]> {
    return this.store.bucketsOf(policy);
  }

  remember(policy: string, candidates: readonly Candidate[]): Awaitable<void> {
    return this.store.remember(policy, candidates);
  }

  readLimits(): Awaitable<ReadonlyMap<string, string>> {
    return this.store.readLimits();
  }

  writeLimits(policy: string, text: string): Awaitable<void> {
    return this.store.writeLimits(policy, text);
  }

  deleteLimits(policy: string): Awaitable<boolean> {
    return this.store.deleteLimits(policy);
  }

  close(): Awaitable<void> {
    return this.store.close();
  }
}
