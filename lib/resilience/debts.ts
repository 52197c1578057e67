import type { Take } from '../algorithms/kernel.js';
import { levelAt } from '../algorithms/level.js';
import { blockOf } from '../algorithms/record.js';
import type { Report } from '../algorithms/report.js';
import { MAX_TICKS, type Scale } from '../algorithms/ticks.js';
import type { MemoryStore } from '../stores/memory/memory.store.js';
import type { Inspection, Transaction, TransactionReply } from '../stores/store.interface.js';

interface Debtor {
  /** How its bucket is asked for in the store. */
  readonly take: Take;
  /** Whether it is being paid. */
  isPaid: boolean;
}

/** What was said of a bucket. */
interface Reported {
  readonly scale: Scale;
  /** Whether what is left was said, and not only a block. */
  readonly hasLevel: boolean;
}

/** What is owed for a bucket, as a take of it in the store. */
export interface Debt {
  readonly key: string;
  readonly tokens: number;
  readonly take: Take;
}

/**
 * What was taken in this process while the store could not be asked, and is owed to it. The buckets of the fallback are the
 * books: what has drained there meanwhile is owed no more.
 */
export class Debts {
  private readonly debtors = new Map<string, Debtor>();
  /** Buckets of which something was said here: see `noteReport`. */
  private readonly reported = new Map<string, Reported>();
  /** Estimates that were taken here, by their ids. */
  private readonly estimates = new Map<string, Take>();

  constructor(
    private readonly store: MemoryStore,
    private readonly most: number,
  ) {}

  /** Whether nothing is owed. */
  get isEmpty(): boolean {
    return this.debtors.size === 0 && this.reported.size === 0;
  }

  note(take: Take): void {
    if (take.reserve !== undefined) keep(this.estimates, take.reserve.id, take, this.most);
    if (this.reported.get(take.key)?.hasLevel) return;
    const isPaid = this.debtors.get(take.key)?.isPaid ?? false;
    // As many as the buckets of the fallback: what is dropped there is not owed either.
    keep(this.debtors, take.key, { take, isPaid }, this.most);
  }

  /** What an estimate has cost more: owed as what is taken. */
  noteSettled(key: string, id: string): void {
    const take = this.estimates.get(id);
    if (take !== undefined && take.key === key) this.note({ ...take, reserve: undefined });
  }

  /**
   * What the other side has said of a bucket. What the level is by that is told to the store as a report too: added to what is
   * missing there, it would count twice. A block alone leaves owed what is owed.
   */
  noteReport(key: string, { scale, missing }: Pick<Report, 'scale' | 'missing'>): void {
    const hasLevel = missing !== undefined || this.reported.get(key)?.hasLevel === true;
    if (hasLevel) this.debtors.delete(key);
    keep(this.reported, key, { scale, hasLevel }, this.most);
  }

  /** What is known of such buckets, each once. */
  takeReports(): ReportOwed[] {
    const owed = [...this.reported].map(([key, said]) => this.reportOf(key, said));
    this.reported.clear();
    return owed.filter(({ report }) => report.missing !== undefined || report.block > 0);
  }

  /** Buckets for which something is owed that nobody is paying. */
  unpaid(): string[] {
    return [...this.debtors].filter(([, { isPaid }]) => !isPaid).map(([key]) => key);
  }

  /** What is owed for these buckets. Until `paid` or `failed` is called it is not owed again. */
  begin(keys: Iterable<string>): Debt[] {
    const debts: Debt[] = [];
    for (const key of keys) {
      const debtor = this.debtors.get(key);
      if (debtor === undefined || debtor.isPaid) continue;
      const tokens = this.tokensOf(key);
      debtor.isPaid = tokens > 0;
      if (tokens > 0) debts.push(debtOf(debtor.take, tokens));
      else this.debtors.delete(key);
    }
    return debts;
  }

  /**
   * So much of it was taken from the bucket in the store: that of this process has it no longer. What did not fit there stays used
   * here and is owed no more: given up in both, it would be to be had again in the next outage.
   */
  paid(debt: Debt, tokens: number): void {
    this.failed(debt);
    this.store.moveOut(debt.key, tokens);
    if (tokens < debt.tokens || this.tokensOf(debt.key) === 0) this.debtors.delete(debt.key);
  }

  failed({ key }: Debt): void {
    const debtor = this.debtors.get(key);
    if (debtor !== undefined) debtor.isPaid = false;
  }

  /** Whether something is owed for a bucket that nobody is paying. */
  owes(key: string): boolean {
    return this.debtors.get(key)?.isPaid === false;
  }

  forget(key: string): void {
    this.debtors.delete(key);
    this.reported.delete(key);
  }

  /** Whole tokens that have not drained here, rounded up. */
  private tokensOf(key: string): number {
    const { record, now } = this.look(key);
    if (record === undefined) return 0;
    return Math.ceil((levelAt(record, record, now) as number) / record.ticksPerToken);
  }

  private reportOf(key: string, { scale, hasLevel }: Reported): ReportOwed {
    const { record, now } = this.look(key);
    const missing = hasLevel ? this.tokensOf(key) || undefined : undefined;
    const block = record === undefined ? 0 : blockOf(record, now);
    return { key, report: { scale, missing, mark: undefined, lowers: false, block } };
  }

  private look(key: string): Inspection {
    return this.store.inspect([key])[0] as Inspection;
  }
}

/** What is owed for a bucket as a report: it only ever raises the level, and lengthens the block. */
export interface ReportOwed {
  readonly key: string;
  readonly report: Report;
}

/** A bucket may owe as much again as it holds, and no more, as what is settled. */
const MOST_CAPACITIES = 2;

/** What pays so many tokens: a take that may pass the capacity, up to a bound. */
export function debtOf(take: Take, tokens: number): Debt {
  const { key, scale, capacity } = take;
  const bound = boundOf(take);
  const cost = Math.min(tokens, Math.floor(bound / scale.ticksPerToken));
  const allowance = bound - cost * scale.ticksPerToken;
  const asked = { key, scale, capacity, cost, allowance, startLevel: undefined, promises: false };
  return { key, tokens, take: asked };
}

export const transactionOf = ({ take }: Debt): Transaction => ({ takes: [take] });

/** What there is still room for in the store, where a debt did not fit whole; undefined: nothing. */
export function restOf({ take, tokens }: Debt, { admitted, found }: TransactionReply): Debt | undefined {
  const [place] = found;
  if (admitted || place === undefined) return undefined;
  const room = boundOf(take) - Number(place.level);
  const left = Math.min(tokens, Math.floor(room / take.scale.ticksPerToken));
  return left < 1 ? undefined : debtOf(take, left);
}

/** At most so many: the one that was kept first is dropped. */
function keep<T>(map: Map<string, T>, key: string, value: T, most: number): void {
  map.set(key, value);
  if (map.size > most) map.delete(map.keys().next().value as string);
}

const boundOf = ({ capacity, scale }: Take): number =>
  Math.min(MOST_CAPACITIES * capacity * scale.ticksPerToken, MAX_TICKS);
