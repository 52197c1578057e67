import { type Take, waitOf } from '../algorithms/kernel.js';
import { type Found, find } from '../algorithms/level.js';
import type { BucketRecord } from '../algorithms/record.js';
import type { Report } from '../algorithms/report.js';
import { MAX_TICKS } from '../algorithms/ticks.js';
import { type Awaitable, chain, mapAll } from '../common/awaitable.js';
import { policyPart, policyPartOf } from '../limiter/bucket-key.js';
import type { Records } from '../stores/records.js';
import { isReservationKey } from '../stores/reservation-key.js';
import type { StoreState, Transaction, TransactionReply } from '../stores/store.interface.js';
import { Enforcement } from './enforcement.js';
import { KernelStore } from './kernel.store.js';

/**
 * A store that finds every bucket full and keeps none, but those of policies that are enforced. Policies are told by
 * what the names of their buckets begin with.
 */
export class TestingStore extends KernelStore {
  private readonly enforcement = new Enforcement();
  /** How many of the next decisions are refusals. */
  private readonly refusals = new Map<string, number>();

  /** No policies are all. */
  enforce(policies: readonly string[]): void {
    this.enforcement.set(true, policies.map(policyPart));
  }

  /** Forgets their buckets, and what was to be refused. */
  relax(policies: readonly string[]): void {
    const parts = policies.map(policyPart);
    this.enforcement.set(false, parts);
    this.forget((key) => !this.isEnforced(key));
    if (parts.length === 0) this.refusals.clear();
    for (const part of parts) this.refusals.delete(part);
  }

  refuseNext(policy: string): void {
    const part = policyPart(policy);
    this.refusals.set(part, (this.refusals.get(part) ?? 0) + 1);
  }

  /** Each for itself: what one of them takes of a bucket that is not kept is back for the next. */
  override decide(transactions: readonly Transaction[]): Awaitable<TransactionReply[]> {
    const replies = mapAll(transactions, (one) => super.decide([one]));
    return chain(replies, (all) => all.flat());
  }

  override report(key: string, report: Report): Awaitable<StoreState> {
    return chain(super.report(key, report), (state) =>
      this.isEnforced(key) ? state : { ...state, found: find(undefined, report.scale, state.now) },
    );
  }

  /** Nobody waits in a test: the decision says how long it would be, and its turn has come already. */
  protected override decideOne(transaction: Transaction, records: Records): TransactionReply {
    const reply = super.decideOne(transaction, records);
    const wait = waitOf(
      reply.charged.map((i) => transaction.takes[i] as Take),
      reply.charged.map((i) => reply.found[i] as Found),
    );
    // A millisecond more, for the sum with the wait is rounded.
    return wait === 0 ? reply : { ...reply, decidedAt: reply.decidedAt - Number(wait) / 1000 - 1 };
  }

  protected override recordsOf(transaction: Transaction, records: Records): (BucketRecord | undefined)[] {
    const found = super.recordsOf(transaction, records);
    if (transaction.peek) return found;
    return transaction.takes.map((take, i) => (this.refuses(take) ? tooFull(take, records.now) : found[i]));
  }

  protected override write(key: string, record: BucketRecord | undefined): void {
    if (this.isKept(key)) super.write(key, record);
  }

  /** Reservations are, so that each can be settled once. */
  private isKept(key: string): boolean {
    return isReservationKey(key) || this.isEnforced(key);
  }

  private isEnforced(key: string): boolean {
    return this.enforcement.has(policyPartOf(key));
  }

  /** Whether this decision is one that was to be refused. Then it counts. */
  private refuses({ key }: Take): boolean {
    const part = policyPartOf(key);
    const left = this.refusals.get(part) ?? 0;
    if (left <= 1) this.refusals.delete(part);
    else this.refusals.set(part, left - 1);
    return left > 0;
  }
}

/** A record at which a take is refused until the tokens that it asks for are back. */
function tooFull({ allowance, cost, scale }: Take, now: number): BucketRecord {
  const level = Math.max(allowance, 0) + Math.max(cost, 1) * scale.ticksPerToken;
  return { ...scale, level: Math.min(level, MAX_TICKS), at: now };
}
