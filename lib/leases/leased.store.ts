import type { NamelessTake, Take } from '../algorithms/kernel.js';
import type { TakenAt } from '../algorithms/record.js';
import type { Report } from '../algorithms/report.js';
import type { Awaitable } from '../common/awaitable.js';
import { ForwardingStore } from '../stores/forwarding.store.js';
import { type BucketTake, nameOf, type PlainCall, type PlainQueue } from '../stores/plain-call.js';
import type {
  Deadline,
  DecisionSource,
  PlainDecider,
  PlainTake,
  Store,
  StoreState,
  Transaction,
  TransactionReply,
} from '../stores/store.interface.js';
import { type BucketLease, type LeaseRules, RULES } from './bucket-lease.js';
import { type LeaseClock, systemClock } from './lease-clock.js';
import { Leases } from './leases.js';
import { admitted, foundBy, levelBy, refused, refusedBy, refusedLevelBy, timeAt } from './local-reply.js';

export interface LeasedStoreOptions extends Partial<LeaseRules> {
  /** How long a decision may take, in milliseconds. */
  readonly timeoutMs: number;
  readonly clock?: LeaseClock;
}

type Replies = readonly TransactionReply[];

/** How often a decision waits for tokens before the store is asked for it. */
const ATTEMPTS = 3;

/**
 * Decides from tokens that were taken ahead, at once and without asking, where every bucket of a decision is leased and covers
 * it. All else goes to the store, and what is left of those leases with it. docs/leases.md says why that never admits too much.
 */
export class LeasedStore extends ForwardingStore implements PlainDecider {
  plainAt = 0;
  plainSource: DecisionSource = 'redis';
  private readonly leases: Leases;
  private readonly clock: LeaseClock;
  private isClosed = false;
  /** Where the store behind has one. */
  readonly enqueue: PlainQueue['enqueue'] | undefined;

  constructor(
    store: Store & Partial<PlainQueue>,
    private readonly options: LeasedStoreOptions,
  ) {
    super(store);
    if (store.enqueue !== undefined)
      this.enqueue = (call) =>
        this.mayPass(call) ? (store as PlainQueue).enqueue(call) : this.isSpent(call);
    this.clock = options.clock ?? systemClock;
    this.leases = new Leases(store as Required<Store>, {
      timeoutMs: options.timeoutMs,
      clock: this.clock,
      rules: { ...RULES, ...options },
    });
  }

  override decide(transactions: readonly Transaction[], deadline?: Deadline): Awaitable<Replies> {
    if (this.isClosed || !mayBeLeased(transactions)) return this.fromStore(transactions, deadline);
    const reply = transactions.length === 1 ? this.spendOne(transactions[0] as Transaction) : undefined;
    if (reply !== undefined) return [reply];
    return this.decideAhead(transactions, deadline, ATTEMPTS);
  }

  decidePlain(take: PlainTake, key: string): number | undefined {
    if (take.lease === undefined || this.leases.size === 0 || this.isClosed) return undefined;
    const lease = this.leases.get(`${take.policy}:{${key}}`);
    if (lease?.state === undefined) return undefined;
    const now = this.clock.now();
    if (!isAnswered(take, lease, now, this.clock.wall(), false)) return undefined;
    const covers = lease.covers(take.cost);
    const level = covers ? levelBy(take, lease) : refusedLevelBy(take, lease, now);
    if (typeof level !== 'number') return undefined;
    if (covers) lease.spend(take.cost);
    else lease.note(take.cost);
    this.leases.tend(lease, now);
    this.plainAt = timeAt(lease.state, now);
    this.plainSource = lease.state.source;
    return level;
  }

  /** Whether it has nothing to do with leases. */
  private mayPass(call: PlainCall): boolean {
    return (
      this.isUnleased(call) && (call.others.length === 0 || call.others.every((one) => this.isUnleased(one)))
    );
  }

  private isUnleased(one: BucketTake): boolean {
    // The name is made where it is asked for, so not before it has to be.
    return (
      one.take.lease === undefined && (this.leases.size === 0 || this.leases.get(nameOf(one)) === undefined)
    );
  }

  /** Tells a call of one take that it is admitted, where its lease covers it. */
  private isSpent(call: PlainCall): boolean {
    const isLeased = call.take.lease !== undefined;
    const reply = this.isClosed || !isLeased ? undefined : this.spendOne(call);
    if (reply !== undefined) call.replied(reply);
    return reply !== undefined;
  }

  /** What was spent of a lease and not told yet has not drained: so it is given back here, whole. */
  override refund(key: string, tokens: number, taken?: TakenAt): Awaitable<boolean> {
    const lease = taken === undefined ? this.leases.get(key) : undefined;
    const isHere = lease?.isValid(this.clock.now(), this.clock.wall()) && lease.giveBack(tokens);
    return isHere || super.refund(key, tokens, taken);
  }

  /** What is told of a bucket, its block above all, counts here at once. */
  override report(key: string, report: Report): Awaitable<StoreState> {
    this.giveUp(key);
    return super.report(key, report);
  }

  override reset(key: string): Awaitable<boolean> {
    this.giveUp(key);
    return super.reset(key);
  }

  override async close(): Promise<void> {
    this.isClosed = true;
    await this.leases.close();
    await super.close();
  }

  /** What nearly all decisions are, in as few steps as it takes: one take that its lease covers. */
  private spendOne({ takes, counted, peek }: Transaction): TransactionReply | undefined {
    if (takes.length !== 1 || peek) return undefined;
    const take = takes[0] as Take;
    const lease = this.leases.get(take.key);
    if (lease === undefined || !lease.covers(take.cost) || !lease.isOf(take)) return undefined;
    const now = this.clock.now();
    if (!lease.isValid(now, this.clock.wall())) return undefined;
    const found = [foundBy(take, lease)];
    lease.spend(take.cost);
    this.leases.tend(lease, now);
    return admitted(found, counted === true, lease, now);
  }

  private giveUp(key: string): void {
    const lease = this.leases.get(key);
    if (lease !== undefined) void this.leases.giveUp(lease);
  }

  private decideAhead(
    transactions: readonly Transaction[],
    deadline: Deadline | undefined,
    attempts: number,
  ): Awaitable<Replies> {
    const [now, wall] = [this.clock.now(), this.clock.wall()];
    const missing = this.missing(transactions, now, wall, attempts < ATTEMPTS);
    if (missing?.length === 0) return transactions.map((transaction) => this.answer(transaction, now));
    if (missing === undefined || attempts === 0 || this.leases.isPaused(now))
      return this.fromStore(transactions, deadline);
    // Who has waited for tokens has waited already: the whole has one deadline.
    const given = deadline ?? { until: now + this.options.timeoutMs };
    const asked = missing.map(({ key, cost }) => this.leases.ask(this.leases.get(key) as BucketLease, cost));
    const answered = asked.length === 1 ? (asked[0] as Promise<void>) : Promise.all(asked);
    return answered.then(() => this.decideAhead(transactions, given, attempts - 1));
  }

  /** The takes whose leases have to be asked for more; undefined: where the store is to decide. */
  private missing(
    transactions: readonly Transaction[],
    now: number,
    wall: number,
    hasWaited: boolean,
  ): Take[] | undefined {
    const fresh: Take[] = [];
    const missing: Take[] = [];
    for (const { takes, peek } of transactions) {
      for (const take of takes) {
        const lease = this.leases.get(take.key);
        if (lease !== undefined && isAnswered(take, lease, now, wall, hasWaited)) continue;
        // Who only looks is no reason to ask for more.
        if (peek || (lease !== undefined && !lease.isOf(take))) return undefined;
        (lease === undefined ? fresh : missing).push(take);
      }
    }
    if (fresh.length > 0 && !this.leases.begin(fresh, now)) return undefined;
    return fresh.length === 0 ? missing : [...missing, ...fresh];
  }

  /** All or nothing, of leases that each cover their take or are known to refuse it. */
  private answer({ takes, counted, peek }: Transaction, now: number): TransactionReply {
    const leases = takes.map(({ key }) => this.leases.get(key) as BucketLease);
    const refuses = takes.map((take, i) => !(leases[i] as BucketLease).covers(take.cost));
    const isRefused = refuses.includes(true);
    const found = takes.map((take, i) =>
      (refuses[i] ? refusedBy : foundBy)(take, leases[i] as BucketLease, now),
    );
    for (const [i, lease] of peek ? [] : leases.entries()) {
      const { cost } = takes[i] as Take;
      if (isRefused) lease.note(cost);
      else lease.spend(cost);
      this.leases.tend(lease, now);
    }
    return (isRefused ? refused : admitted)(found, counted === true, leases[0] as BucketLease, now);
  }

  /** What the store decides ends the leases of its buckets in the same call: what is left of them is free for it. */
  private fromStore(
    transactions: readonly Transaction[],
    deadline: Deadline | undefined,
  ): Awaitable<Replies> {
    if (this.leases.size === 0) return this.store.decide(transactions, deadline);
    return this.store.decide(
      transactions.map((one) => this.returning(one)),
      deadline,
    );
  }

  private returning(transaction: Transaction): Transaction {
    const { takes, peek } = transaction;
    // Who only looks changes nothing.
    if (peek || !takes.some(({ key }) => this.leases.get(key) !== undefined)) return transaction;
    const ended = takes.map((take) => {
      const lease = this.leases.get(take.key);
      return lease === undefined ? take : { ...take, returns: this.leases.end(lease) };
    });
    return { ...transaction, takes: ended };
  }
}

/**
 * Whether a lease decides a take now: it covers it, or it never fits, or nothing more was free: a moment ago, or, for one who has
 * waited for it, in the answer of just now, however late that is read.
 */
function isAnswered(
  take: NamelessTake,
  lease: BucketLease,
  now: number,
  wall: number,
  hasWaited: boolean,
): boolean {
  if (!lease.isOf(take)) return false;
  if (!lease.isValid(now, wall)) lease.forfeit();
  else if (lease.covers(take.cost)) return true;
  if (hasWaited && lease.short !== undefined) return true;
  return lease.refuses(now, take.cost) || (take.allowance < 0 && lease.state !== undefined);
}

/** Only what takes at once, from buckets that may be leased. Several transactions, as in shadow mode, of different buckets. */
function mayBeLeased(transactions: readonly Transaction[]): boolean {
  for (const { takes, pick, revocable } of transactions) {
    if (pick !== undefined || revocable) return false;
    for (const { lease, startLevel, reserve } of takes)
      if (lease === undefined || startLevel !== undefined || reserve !== undefined) return false;
  }
  return transactions.length === 1 || areApart(transactions);
}

function areApart(transactions: readonly Transaction[]): boolean {
  const keys = transactions.flatMap(({ takes }) => takes.map(({ key }) => key));
  return new Set(keys).size === keys.length;
}
