// Stores that break one rule each, by what the rule is.
import { setImmediate } from 'node:timers/promises';
import type { Change } from '../../../lib/algorithms/kernel.js';
import { type BucketRecord, drainedAt } from '../../../lib/algorithms/record.js';
import type { Report } from '../../../lib/algorithms/report.js';
import type { Actual } from '../../../lib/algorithms/settlement.js';
import { RecordStore, type Work } from '../../../lib/stores/record.store.js';
import type { Transaction, TransactionReply } from '../../../lib/stores/store.interface.js';
import { KernelStore } from '../../../lib/testing/kernel.store.js';

type Clock = () => number;

/** A sound store of records, in whose parts something can be broken. */
export class MapStore extends RecordStore {
  protected readonly records = new Map<string, BucketRecord>();

  constructor(protected readonly clock: Clock) {
    super();
  }

  protected now(): number {
    return this.clock();
  }

  protected read(key: string): BucketRecord | undefined {
    return this.records.get(key);
  }

  protected write(key: string, record: BucketRecord | undefined): void {
    if (record === undefined) this.records.delete(key);
    else this.records.set(key, record);
  }

  protected step<T>(keys: readonly string[], work: Work<T>): T | Promise<T> {
    const stored = new Map<string, BucketRecord>();
    for (const key of keys) {
      const record = this.read(key);
      if (record) stored.set(key, record);
    }
    const { answer, writes } = work(stored, this.now());
    for (const [key, record] of writes) this.write(key, record);
    return answer;
  }
}

class ChargesWhatAdmits extends KernelStore {
  override async decide(transactions: readonly Transaction[]) {
    const replies: TransactionReply[] = [];
    for (const one of transactions) {
      const [reply] = await super.decide([one]);
      if (!reply!.admitted) for (const take of one.takes) await super.decide([{ ...one, takes: [take] }]);
      replies.push(reply!);
    }
    return replies;
  }
}

class LastFirst extends KernelStore {
  override async decide(transactions: readonly Transaction[]) {
    return [...(await super.decide([...transactions].reverse()))].reverse();
  }
}

class PeeksTake extends KernelStore {
  override decide(transactions: readonly Transaction[]) {
    return super.decide(transactions.map((one) => ({ ...one, peek: false })));
  }
}

/** Time never goes back: what lies ahead of the clock freezes. */
class Freezes extends MapStore {
  private latest = 0;

  protected override now(): number {
    this.latest = Math.max(this.latest, this.clock());
    return this.latest;
  }
}

class RebasesOnlyToTake extends MapStore {
  override async decide(transactions: readonly Transaction[]) {
    const before = new Map(this.records);
    const replies = await super.decide(transactions);
    if (replies.some(({ charged }, i) => charged.length > 0 && !transactions[i]!.peek)) return replies;
    for (const [key, record] of before) this.records.set(key, record);
    return replies;
  }
}

class RebasesNoBlock extends MapStore {
  protected override write(key: string, record: BucketRecord | undefined): void {
    const blocked = this.records.get(key)?.blocked;
    super.write(key, record && blocked !== undefined ? { ...record, blocked } : record);
  }
}

class CountsSeconds extends MapStore {
  protected override now(): number {
    return Math.floor(this.clock() / 1_000_000) * 1_000_000;
  }
}

class ExpiresWithTheLevel extends MapStore {
  protected override read(key: string): BucketRecord | undefined {
    const record = super.read(key);
    return record && drainedAt(record) > this.clock() ? record : undefined;
  }
}

class ExpiresEarly extends MapStore {
  protected override read(key: string): BucketRecord | undefined {
    const record = super.read(key);
    return record && drainedAt(record) > this.clock() + 1000 ? record : undefined;
  }
}

class ForgetsTheWriter extends MapStore {
  private reader: Transaction['takes'][number] | undefined;

  override decide(transactions: readonly Transaction[]) {
    this.reader = transactions[0]?.takes[0];
    return super.decide(transactions);
  }

  protected override read(key: string): BucketRecord | undefined {
    const record = super.read(key);
    return record && { ...record, ...(this.reader?.scale ?? {}) };
  }
}

class KeepsFourteenDigits extends MapStore {
  protected override write(key: string, record: BucketRecord | undefined): void {
    super.write(key, record && { ...record, level: Number(record.level.toPrecision(14)) });
  }
}

class ForgetsPromises extends MapStore {
  protected override write(key: string, record: BucketRecord | undefined): void {
    const { last: _, ...rest } = record ?? ({} as BucketRecord);
    super.write(key, record && rest);
  }
}

class ForgetsCounts extends MapStore {
  protected override write(key: string, record: BucketRecord | undefined): void {
    const { since: _, sent: __, synced: ___, ...rest } = record ?? ({} as BucketRecord);
    super.write(key, record && rest);
  }
}

class MixesCases extends MapStore {
  protected override read(key: string): BucketRecord | undefined {
    return super.read(key.toLowerCase());
  }
  protected override write(key: string, record: BucketRecord | undefined): void {
    super.write(key.toLowerCase(), record);
  }
}

/** Reads, waits, and then writes what is no longer true. */
class LosesUpdates extends MapStore {
  protected override async step<T>(keys: readonly string[], work: Work<T>): Promise<T> {
    const stored = new Map([...this.records].filter(([key]) => keys.includes(key)));
    await setImmediate();
    const { answer, writes } = work(stored, this.now());
    for (const [key, record] of writes) this.write(key, record);
    return answer;
  }
}

class UndoesWhatever extends MapStore {
  override undo(changes: readonly Change[]): number {
    for (const { key, before } of changes) this.write(key, before);
    return changes.length;
  }
}

class UndoesLatestFirst extends KernelStore {
  override undo(changes: readonly Change[]) {
    return super.undo([...changes].reverse());
  }
}

class AlwaysRefunds extends KernelStore {
  override async refund(key: string, tokens: number) {
    await super.refund(key, tokens);
    return true;
  }
}

class BelievesLateReports extends KernelStore {
  override async report(key: string, report: Report) {
    if (report.missing !== undefined && report.lowers) await super.reset(key);
    return super.report(key, report);
  }
}

class NeverUnblocks extends KernelStore {
  override unblock() {
    return false;
  }
}

class AlwaysHadOne extends KernelStore {
  override async reset(key: string) {
    await super.reset(key);
    return true;
  }
}

class PicksAll extends KernelStore {
  override decide(transactions: readonly Transaction[]) {
    return super.decide(transactions.map(({ pick: _, ...one }) => one));
  }
}

class IgnoresPreference extends KernelStore {
  override decide(transactions: readonly Transaction[]) {
    return super.decide(transactions.map((one) => (one.pick ? { ...one, pick: {} } : one)));
  }
}

class CountsAlways extends KernelStore {
  override decide(transactions: readonly Transaction[]) {
    return super.decide(transactions.map((one) => ({ ...one, counted: true })));
  }
}

class ListsOthers extends KernelStore {
  override bucketsOf(policy: string) {
    return [...super.bucketsOf(policy), ...super.bucketsOf(`${policy}b`)];
  }
}

class KeepsFirstLimits extends KernelStore {
  override async writeLimits(policy: string, text: string) {
    if (!(await super.readLimits()).has(policy)) super.writeLimits(policy, text);
  }
}

class NeverHadLimits extends KernelStore {
  override deleteLimits(policy: string) {
    super.deleteLimits(policy);
    return false;
  }
}

class DecidesLater extends KernelStore {
  override async decide(transactions: readonly Transaction[]) {
    return (await super.decide(transactions)).map((reply) => ({ ...reply, decidedAt: Number.MAX_VALUE }));
  }
}

/** Reservations are not deleted when they are settled. */
class SettlesAgain extends MapStore {
  protected override write(key: string, record: BucketRecord | undefined): void {
    if (record !== undefined || !key.includes(':r:')) super.write(key, record);
  }
}

/** It lowers the level by the whole difference, whatever has drained. */
class GivesAllBack extends KernelStore {
  private readonly costs = new Map<string, number>();

  override decide(transactions: readonly Transaction[]) {
    for (const { reserve, cost } of transactions.flatMap(({ takes }) => takes)) {
      if (reserve) this.costs.set(reserve.id, cost);
    }
    return super.decide(transactions);
  }

  override async settle(key: string, actual: Actual) {
    const settled = await super.settle(key, {
      ...actual,
      cost: Math.max(actual.cost, this.costs.get(actual.id) ?? 0),
    });
    const less = (this.costs.get(actual.id) ?? 0) - actual.cost;
    if (!settled || less <= 0) return settled;
    await super.refund(key, less);
    return { ...settled, ticks: -less * settled.ticksPerToken };
  }
}

class OwesWithoutEnd extends KernelStore {
  override settle(key: string, actual: Actual) {
    return super.settle(key, { ...actual, maxDebt: Number.MAX_SAFE_INTEGER });
  }
}

class KeepsNoReservations extends KernelStore {
  override decide(transactions: readonly Transaction[]) {
    const takes = (one: Transaction) => one.takes.map(({ reserve: _, ...take }) => take);
    return super.decide(transactions.map((one) => ({ ...one, takes: takes(one) })));
  }
}

/** Each with a test of the contract, by a part of its title, that it has to fail. */
export const brokenStores: [new (clock: Clock) => KernelStore | MapStore, string][] = [
  [ChargesWhatAdmits, 'changes nothing where it refuses'],
  [LastFirst, 'answers a batch in order'],
  [PeeksTake, 'takes nothing at a peek'],
  [Freezes, 'moves a record that lies ahead'],
  [RebasesOnlyToTake, 'moves a record that lies ahead'],
  [RebasesNoBlock, 'moves the other times'],
  [CountsSeconds, 'drains to the microsecond'],
  [ExpiresWithTheLevel, 'keeps a record until'],
  [ExpiresEarly, 'keeps a record until'],
  [ForgetsTheWriter, 'earns no more under changing limits'],
  [KeepsFourteenDigits, 'keeps every digit'],
  [ForgetsPromises, 'refunds nothing while somebody waits'],
  [ForgetsCounts, 'counts what is taken'],
  [MixesCases, 'keeps buckets apart'],
  [LosesUpdates, 'to those who ask at one moment'],
  [UndoesWhatever, 'undoes the last take'],
  [UndoesLatestFirst, 'undoes in the order given'],
  [AlwaysRefunds, 'never beyond full'],
  [BelievesLateReports, 'lets a late report'],
  [NeverUnblocks, 'blocks for good'],
  [AlwaysHadOne, 'forgets a bucket'],
  [PicksAll, 'takes one of several'],
  [IgnoresPreference, 'takes one of several'],
  [CountsAlways, 'counts what is taken'],
  [ListsOthers, 'finds the buckets of a policy'],
  [KeepsFirstLimits, 'keeps the limits'],
  [NeverHadLimits, 'keeps the limits'],
  [DecidesLater, 'says when it has decided'],
  [SettlesAgain, 'settles a reservation once'],
  [GivesAllBack, 'no more than has certainly not drained'],
  [OwesWithoutEnd, 'as far as the debt may go'],
  [KeepsNoReservations, 'settles a reservation once'],
];
