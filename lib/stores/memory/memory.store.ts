import { type Change, changesOf, decide, type Take } from '../../algorithms/kernel.js';
import { find } from '../../algorithms/level.js';
import {
  alive,
  type BucketRecord,
  blockOf,
  isPromised,
  isSame,
  type Mark,
  markOf,
  rebase,
  recordWithout,
  type TakenAt,
  ticksBack,
} from '../../algorithms/record.js';
import { type Report, recordAfterReport, unblocked } from '../../algorithms/report.js';
import { type Actual, reservedBy, type Settled, settle } from '../../algorithms/settlement.js';
import type {
  Inspection,
  PlainDecider,
  PlainTake,
  Store,
  StoreState,
  Transaction,
  TransactionReply,
} from '../store.interface.js';
import { BoundedBuckets } from './bounded-buckets.js';
import type { BucketKind } from './bucket-kind.js';
import { roomFor } from './bucket-rank.js';
import { type Clock, monotonicClock } from './clock.js';
import { OpenReservations } from './open-reservations.js';

export interface MemoryStoreOptions {
  /** The most buckets that are kept, and the most reservations that wait to be settled. */
  readonly maxKeys: number;
  /** The time in microseconds. */
  readonly clock?: Clock;
}

/** Buckets in this process: bounded, without a timer. */
export class MemoryStore implements Store, PlainDecider {
  plainAt = 0;
  readonly plainSource = 'memory';
  private readonly buckets: BoundedBuckets;
  private readonly reservations: OpenReservations;
  private readonly clock: Clock;
  private kinds = new WeakMap<PlainTake, BucketKind>();
  private last: { readonly take?: PlainTake; readonly kind?: BucketKind } = {};
  private readonly limits = new Map<string, string>();

  constructor({ maxKeys, clock = monotonicClock }: MemoryStoreOptions) {
    this.buckets = new BoundedBuckets(maxKeys);
    this.reservations = new OpenReservations(maxKeys);
    this.clock = clock;
  }

  decide(transactions: readonly Transaction[]): TransactionReply[] {
    const now = this.clock();
    return transactions.map((transaction) => this.decideOne(transaction, now));
  }

  decidePlain(take: PlainTake, key: string): number | undefined {
    const now = this.clock();
    this.plainAt = now;
    const kind = this.kindOf(take);
    const slot = kind.home.slots.get(key);
    const level = slot === undefined ? 0 : this.buckets.levelAt(slot, kind, now);
    if (level === undefined || level > take.allowance || take.cost === 0) return level;
    const after = level + take.cost * kind.ticksPerToken;
    if (slot === undefined) this.buckets.addLevel(key, kind, after, now);
    else this.buckets.setLevel(slot, kind, after, now);
    return level;
  }

  refund(key: string, tokens: number, taken?: TakenAt): boolean {
    const now = this.clock();
    const record = this.load(key, now);
    if (record !== undefined && isPromised(record, now)) return false;
    const ticks = record === undefined ? 0 : ticksBack(record, tokens, now, taken);
    this.save(key, record && recordWithout(record, ticks, now), now);
    return ticks > 0;
  }

  /** Lowers a bucket by whole tokens, also while somebody waits for it: they are counted elsewhere from now on. */
  moveOut(key: string, tokens: number): void {
    const now = this.clock();
    const record = this.load(key, now);
    this.save(key, record && recordWithout(record, ticksBack(record, tokens, now), now), now);
  }

  settle(key: string, actual: Actual): Omit<Settled, 'record'> | undefined {
    const now = this.clock();
    const record = this.load(key, now);
    const reserved = this.reservations.take(key, actual.id, now);
    const settled = reserved && settle(reserved, record, actual, now);
    this.save(key, settled === undefined ? record : settled.record, now, reserved?.capacity);
    return settled && { ticks: settled.ticks, ticksPerToken: settled.ticksPerToken };
  }

  report(key: string, report: Report): StoreState {
    const now = this.clock();
    const record = recordAfterReport(this.load(key, now), report, now);
    this.save(key, record, now);
    const found = find(record, report.scale, now);
    return { source: 'memory', now, decidedAt: performance.now(), found };
  }

  unblock(key: string): boolean {
    const now = this.clock();
    const record = this.load(key, now);
    if (record === undefined || blockOf(record, now) === 0) return false;
    this.save(key, unblocked(record, now), now);
    return true;
  }

  reset(key: string): boolean {
    const wasThere = this.load(key, this.clock()) !== undefined;
    this.buckets.delete(key);
    return wasThere;
  }

  inspect(keys: readonly string[]): Inspection[] {
    const now = this.clock();
    return keys.map((name) => {
      const stored = this.buckets.get(name);
      return { name, record: stored && alive(rebase(stored, now), now), now };
    });
  }

  bucketsOf(policy: string): string[] {
    return this.buckets.namesOf(policy);
  }

  /** It has them all. */
  remember(): void {}

  readLimits(): ReadonlyMap<string, string> {
    return new Map(this.limits);
  }

  writeLimits(policy: string, text: string): void {
    this.limits.set(policy, text);
  }

  deleteLimits(policy: string): boolean {
    return this.limits.delete(policy);
  }

  close(): void {
    this.buckets.clear();
    this.kinds = new WeakMap();
    this.last = {};
    this.reservations.clear();
  }

  undo(changes: readonly Change[]): number {
    const now = this.clock();
    const undone = changes.filter(({ key, before, after }) => {
      if (!isSame(this.buckets.get(key), after)) return false;
      this.save(key, before, now);
      return true;
    });
    return undone.length;
  }

  private decideOne(transaction: Transaction, now: number): TransactionReply {
    const { takes, peek = false, counted = false, revocable = false } = transaction;
    const records = takes.map(({ key }) => this.load(key, now));
    const verdict = decide(takes, records, transaction, now);
    const changes = peek ? [] : changesOf(takes, records, verdict, counted, now);
    for (const { key, after } of changes) this.buckets.set(key, after, now, roomOf(key, takes));
    if (!peek) for (const i of verdict.charged) this.reserve(takes[i] as Take, now);
    const marks = counted && !peek ? verdict.charged.map((i) => this.markOf(takes[i] as Take, now)) : [];
    const decidedAt = performance.now();
    const { admitted, found, charged } = verdict;
    return {
      admitted,
      found,
      charged,
      source: 'memory',
      now,
      decidedAt,
      marks,
      changes: revocable ? changes : [],
    };
  }

  /** The takes of a policy are few, and each asks for many buckets. */
  private kindOf(take: PlainTake): BucketKind {
    if (take === this.last.take) return this.last.kind as BucketKind;
    const kind = this.kinds.get(take) ?? this.buckets.kind(take.policy, take.scale, roomFor(take));
    this.kinds.set(take, kind);
    this.last = { take, kind };
    return kind;
  }

  /** Keeps what is only estimated until it is settled. */
  private reserve(take: Take, now: number): void {
    if (take.reserve === undefined) return;
    this.reservations.add(take.key, take.reserve.id, reservedBy(take, this.load(take.key, now), now));
  }

  /**
   * What the record of a bucket says. One that lies ahead of the clock is moved back, even when nothing is taken, and one
   * that has drained says nothing, though nothing expires here.
   */
  private load(key: string, now: number): BucketRecord | undefined {
    const record = this.buckets.get(key);
    if (record === undefined || record.at <= now) return alive(record, now);
    const moved = rebase(record, now);
    this.buckets.set(key, moved, now);
    return alive(moved, now);
  }

  private markOf({ key }: Take, now: number): Mark | undefined {
    return markOf(this.load(key, now));
  }

  private save(key: string, record: BucketRecord | undefined, now: number, room?: number): void {
    if (record === undefined) this.buckets.delete(key);
    else this.buckets.set(key, record, now, room);
  }
}

const roomOf = (key: string, takes: readonly Take[]): number =>
  roomFor(takes.find((take) => take.key === key) as Take);
