import { type Change, changesOf, decide, type Take } from '../algorithms/kernel.js';
import { type LeaseRequest, lease, returnLease, withoutLevel } from '../algorithms/lease.js';
import type { LeaseSpent } from '../algorithms/lease-holds.js';
import { find } from '../algorithms/level.js';
import {
  type BucketRecord,
  blockOf,
  isPromised,
  isSame,
  markOf,
  recordWithout,
  type TakenAt,
  ticksBack,
} from '../algorithms/record.js';
import { type Report, recordAfterReport, unblocked } from '../algorithms/report.js';
import { type Actual, reservedBy, type Settled, settle } from '../algorithms/settlement.js';
import type { Awaitable } from '../common/awaitable.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';
import { Records } from './records.js';
import { reservationKey } from './reservation-key.js';
import { recordOfReserved, reservedOf } from './reservation-record.js';
import type {
  Inspection,
  LeaseState,
  Store,
  StoreState,
  Transaction,
  TransactionReply,
} from './store.interface.js';

const NO_LIMITS: ReadonlyMap<string, string> = new Map();

/** What a step comes to. */
export interface Step<T> {
  readonly answer: T;
  /** The records to write; undefined: to delete. */
  readonly writes: ReadonlyMap<string, BucketRecord | undefined>;
}

/** Works out a step from the records that are stored and from the time in microseconds. Without I/O. */
export type Work<T> = (stored: ReadonlyMap<string, BucketRecord>, now: number) => Step<T>;

/** A store of records in something that can read and write some of them as one step. Say how: `step` is all. */
export abstract class RecordStore implements Store {
  protected readonly source: TransactionReply['source'] = 'custom';

  /**
   * Reads the records of these keys and then the clock, asks `work`, writes what it says and resolves to its answer. All
   * as one step: nobody else writes one of these keys between the reading and the writing, and nothing is written where
   * it fails. A key that is not there has no record; one may be dropped from `endOf(record)` on.
   */
  protected abstract step<T>(keys: readonly string[], work: Work<T>): Awaitable<T>;

  decide(transactions: readonly Transaction[]): Awaitable<TransactionReply[]> {
    const keys = transactions.flatMap(({ takes }) => takes.flatMap(keysOf));
    return this.stepOn(keys, (records) => transactions.map((one) => this.decideOne(one, records)));
  }

  refund(key: string, tokens: number, taken?: TakenAt): Awaitable<boolean> {
    return this.stepOn([key], (records) => {
      const { now } = records;
      const record = records.load(key);
      if (record !== undefined && isPromised(record, now)) return false;
      const ticks = record === undefined ? 0 : ticksBack(record, tokens, now, taken);
      records.keep(key, record && recordWithout(record, ticks, now));
      return ticks > 0;
    });
  }

  undo(changes: readonly Change[]): Awaitable<number> {
    const keys = changes.map(({ key }) => key);
    return this.stepOn(keys, (records) => {
      const undone = changes.filter(({ key, before, after }) => {
        const isLast = isSame(records.raw(key), after);
        if (isLast) records.keep(key, before);
        return isLast;
      });
      return undone.length;
    });
  }

  settle(key: string, actual: Actual): Awaitable<Omit<Settled, 'record'> | undefined> {
    const name = reservationKey(key, actual.id);
    return this.stepOn([key, name], (records) => {
      const { now } = records;
      const [record, kept] = [records.load(key), records.raw(name)];
      if (kept !== undefined) records.keep(name, undefined);
      const isOpen = kept !== undefined && now < reservedOf(kept).until;
      const settled = isOpen ? settle(reservedOf(kept), record, actual, now) : undefined;
      records.keep(key, settled === undefined ? record : settled.record);
      return settled && { ticks: settled.ticks, ticksPerToken: settled.ticksPerToken };
    });
  }

  lease(key: string, request: LeaseRequest): Awaitable<LeaseState> {
    return this.stepOn([key], (records) => {
      const { now } = records;
      const before = records.load(key);
      const { total, record } = lease(before, request, now);
      if (record !== before) records.keep(key, record);
      const found = find(record, request.scale, now);
      return { total, source: this.source, now, decidedAt: performance.now(), found };
    });
  }

  report(key: string, report: Report): Awaitable<StoreState> {
    return this.stepOn([key], (records) => {
      const { now } = records;
      const record = recordAfterReport(records.load(key), report, now);
      records.keep(key, record);
      const found = find(record, report.scale, now);
      return { source: this.source, now, decidedAt: performance.now(), found };
    });
  }

  unblock(key: string): Awaitable<boolean> {
    return this.stepOn([key], (records) => {
      const record = records.load(key);
      if (record === undefined || blockOf(record, records.now) === 0) return false;
      records.keep(key, unblocked(record, records.now));
      return true;
    });
  }

  reset(key: string): Awaitable<boolean> {
    return this.stepOn([key], (records) => {
      const record = records.load(key);
      records.keep(key, withoutLevel(record, records.now));
      return record !== undefined;
    });
  }

  inspect(keys: readonly string[]): Awaitable<Inspection[]> {
    return this.stepOn(keys, (records) =>
      keys.map((name) => ({ name, record: records.peek(name), now: records.now })),
    );
  }

  /**
   * Override it for `RateLimitAdmin.fullest`: the keys that begin with the policy and `:{`.
   * @throws RateLimitError `INVALID_OPTION`
   */
  bucketsOf(_policy: string): Awaitable<readonly string[]> {
    throw new RateLimitError(
      'INVALID_OPTION',
      `RateLimitAdmin.fullest: store is ${show(this)}, which does not list its buckets; write a bucketsOf(policy) for it`,
    );
  }

  /** A store that lists its buckets needs no reminder. */
  remember(): Awaitable<void> {}

  /** Override it, and the two below, for `RateLimiterService.setLimits`: texts by the names of their policies. */
  readLimits(): Awaitable<ReadonlyMap<string, string>> {
    return NO_LIMITS;
  }

  /** @throws RateLimitError `INVALID_OPTION` */
  writeLimits(_policy: string, _text: string): Awaitable<void> {
    throw new RateLimitError(
      'INVALID_OPTION',
      `RateLimiterService.setLimits: store is ${show(this)}, which keeps no limits; write readLimits, writeLimits and deleteLimits for it`,
    );
  }

  deleteLimits(_policy: string): Awaitable<boolean> {
    return false;
  }

  /** Override it where the store has opened something. A store that is handed to the module is never closed by it. */
  close(): Awaitable<void> {}

  /** @internal */
  protected decideOne(transaction: Transaction, records: Records): TransactionReply {
    const { takes, peek = false, counted = false, revocable = false } = transaction;
    const { now } = records;
    for (const { key, returns } of takes) if (returns !== undefined) endLease(key, returns, records);
    const before = this.recordsOf(transaction, records);
    const verdict = decide(takes, before, transaction, now);
    const changes = peek ? [] : changesOf(takes, before, verdict, counted, now);
    for (const { key, after } of changes) records.keep(key, after);
    if (!peek)
      reserve(
        verdict.charged.map((i) => takes[i] as Take),
        records,
      );
    const isMarked = counted && !peek;
    const marks = isMarked ? verdict.charged.map((i) => markOf(records.load((takes[i] as Take).key))) : [];
    const decidedAt = performance.now();
    return { ...verdict, source: this.source, now, decidedAt, marks, changes: revocable ? changes : [] };
  }

  /** @internal What the buckets of a transaction are found as. */
  protected recordsOf({ takes }: Transaction, records: Records): (BucketRecord | undefined)[] {
    return takes.map(({ key }) => records.load(key));
  }

  private stepOn<T>(keys: readonly string[], work: (records: Records) => T): Awaitable<T> {
    return this.step([...new Set(keys)], (stored, now) => {
      const records = new Records(stored, now);
      return { answer: work(records), writes: records.writes };
    });
  }
}

/** Of a take, and of its reservation where it is one. */
const keysOf = ({ key, reserve }: Take): string[] =>
  reserve === undefined ? [key] : [key, reservationKey(key, reserve.id)];

/** Also where the take is refused, or only evaluated. */
function endLease(key: string, spent: LeaseSpent, records: Records): void {
  const before = records.load(key);
  const after = returnLease(before, spent, records.now);
  if (after !== before) records.keep(key, after);
}

/** Keeps what is only estimated until it is settled. */
function reserve(charged: readonly Take[], records: Records): void {
  for (const take of charged) {
    if (take.reserve === undefined) continue;
    const reserved = reservedBy(take, records.load(take.key), records.now);
    records.keep(reservationKey(take.key, take.reserve.id), recordOfReserved(reserved));
  }
}
