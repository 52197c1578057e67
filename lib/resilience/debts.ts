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
  /** Buckets of which the other side has said here what is left: the scale of what it has said. */
  private readonly reported = new Map<string, Scale>();

  constructor(
    private readonly store: MemoryStore,
    private readonly most: number,
  ) {}

  /** Whether nothing is owed. */
  get isEmpty(): boolean {
    return this.debtors.size === 0 && this.reported.size === 0;
  }

  note(take: Take): void {
    if (this.reported.has(take.key)) return;
    const isPaid = this.debtors.get(take.key)?.isPaid ?? false;
    this.debtors.set(take.key, { take, isPaid });
    // As many as the buckets of the fallback: what is dropped there is not owed either.
    if (this.debtors.size > this.most) this.debtors.delete(this.debtors.keys().next().value as string);
  }

  /** What the level is by a report is told to the store as one: added to what is missing there, it would count twice. */
  noteReport(key: string, scale: Scale): void {
    this.debtors.delete(key);
    this.reported.set(key, scale);
    if (this.reported.size > this.most) this.reported.delete(this.reported.keys().next().value as string);
  }

  /** What is known of such buckets, each once. */
  takeReports(): ReportOwed[] {
    const owed = [...this.reported].map(([key, scale]) => this.reportOf(key, scale));
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

  /** It was taken from the bucket in the store: that of this process has it no longer. */
  paid(debt: Debt): void {
    this.failed(debt);
    this.store.moveOut(debt.key, debt.tokens);
    if (this.tokensOf(debt.key) === 0) this.debtors.delete(debt.key);
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

  private reportOf(key: string, scale: Scale): ReportOwed {
    const { record, now } = this.look(key);
    const missing = this.tokensOf(key) || undefined;
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

const boundOf = ({ capacity, scale }: Take): number =>
  Math.min(MOST_CAPACITIES * capacity * scale.ticksPerToken, MAX_TICKS);
