import type { Change } from '../algorithms/kernel.js';
import type { LeaseRequest } from '../algorithms/lease.js';
import type { TakenAt } from '../algorithms/record.js';
import type { Report } from '../algorithms/report.js';
import type { Actual } from '../algorithms/settlement.js';
import { type Awaitable, attempt, isPromise } from '../common/awaitable.js';
import type { CallTarget } from '../stores/call-gate.js';
import type { Candidate, Deadline, Store, Transaction } from '../stores/store.interface.js';
import type { NodeGate } from './node-gate.js';

/** Lets the calls of a store that knows of no gate pass one: the store is then one node. */
export class GatedStore implements Store {
  constructor(
    private readonly store: Store,
    private readonly gate: NodeGate,
  ) {}

  /** Whether it answers. What it would say of a take, only a take can tell. */
  async probe(key: string): Promise<void> {
    await this.store.inspect([key]);
  }

  decide(transactions: readonly Transaction[], deadline?: Deadline) {
    const key = transactions[0]?.takes[0]?.key ?? '';
    return this.pass(
      key,
      () => this.store.decide(transactions, deadline),
      deadline?.until,
      (replies) => deadline?.onLate?.(transactions, replies),
      { isDecision: true, isShared: transactions.length > 1 },
    );
  }

  refund(key: string, tokens: number, taken?: TakenAt) {
    return this.pass(key, () => this.store.refund(key, tokens, taken));
  }

  undo(changes: readonly Change[]) {
    return this.pass(changes[0]?.key ?? '', () => this.store.undo(changes));
  }

  settle(key: string, actual: Actual) {
    return this.pass(key, () => this.store.settle(key, actual));
  }

  /** Is asked only where the store has it. */
  lease(key: string, request: LeaseRequest, deadline?: Pick<Deadline, 'until'>) {
    const store = this.store as Required<Store>;
    return this.pass(key, () => store.lease(key, request, deadline), deadline?.until);
  }

  report(key: string, report: Report) {
    return this.pass(key, () => this.store.report(key, report));
  }

  unblock(key: string) {
    return this.pass(key, () => this.store.unblock(key));
  }

  reset(key: string) {
    return this.pass(key, () => this.store.reset(key));
  }

  inspect(keys: readonly string[]) {
    return this.pass(keys[0] ?? '', () => this.store.inspect(keys));
  }

  bucketsOf(policy: string) {
    return this.pass('', () => this.store.bucketsOf(policy));
  }

  remember(policy: string, candidates: readonly Candidate[]) {
    return this.pass('', () => this.store.remember(policy, candidates));
  }

  readLimits() {
    return this.pass('', () => this.store.readLimits());
  }

  writeLimits(policy: string, text: string) {
    return this.pass('', () => this.store.writeLimits(policy, text));
  }

  deleteLimits(policy: string) {
    return this.pass('', () => this.store.deleteLimits(policy));
  }

  /** Whoever has made the store closes it. */
  close(): void {}

  /** What it answers at once needs no deadline. */
  private pass<T>(
    key: string,
    make: () => Awaitable<T>,
    until?: number,
    onLate?: (value: T) => void,
    of: Pick<CallTarget, 'isDecision' | 'isShared'> = {},
  ): Awaitable<T> {
    this.gate.check('');
    const value = attempt(make);
    return isPromise(value) ? this.gate.call({ node: '', key, ...of }, until, () => value, onLate) : value;
  }
}
