import type { Change } from '../algorithms/kernel.js';
import type { LeaseRequest } from '../algorithms/lease.js';
import type { TakenAt } from '../algorithms/record.js';
import type { Report } from '../algorithms/report.js';
import type { Actual, Settled } from '../algorithms/settlement.js';
import { type Awaitable, attempt } from '../common/awaitable.js';
import { Batch, type Caller } from './batch.js';
import { ForwardingStore } from './forwarding.store.js';
import type { PlainCall, PlainQueue } from './plain-call.js';
import type {
  Deadline,
  Inspection,
  LeaseState,
  Store,
  StoreState,
  Transaction,
  TransactionReply,
} from './store.interface.js';

export interface BatchingOptions {
  /**
   * Which transactions can be decided together: those of one line. Undefined of what cannot be with any. Without it, all can.
   */
  readonly lineOf?: ((transactions: readonly Transaction[]) => string | undefined) | undefined;
  /** How long a decision may take that is given no deadline, in milliseconds; undefined: as long as the store does. */
  readonly timeoutMs?: number | undefined;
}

/** A decision with less of the usual time left goes by itself: in a batch it would shorten the time of the others. */
const NEARLY_ALL = 0.9;

/**
 * Decides many calls with one of the store behind it. A call leaves at the end of the current tick where nothing is on its
 * way, else with all others of this turn of the event loop. It never waits for a reply, and on an idle line for nobody. All
 * else that a store does first sends what is pending, so that nothing is overtaken.
 */
export class BatchingStore extends ForwardingStore implements PlainQueue {
  /** One for each line. */
  private pending: Batch[] = [];
  private isDue = false;
  /** Batches without a reply. */
  private underWay = 0;

  constructor(
    store: Store,
    private readonly options: BatchingOptions = {},
  ) {
    super(store);
  }

  override decide(
    transactions: readonly Transaction[],
    deadline?: Deadline,
  ): Awaitable<readonly TransactionReply[]> {
    const { lineOf } = this.options;
    const line = lineOf === undefined ? '' : lineOf(transactions);
    return new Promise((resolve, reject) => {
      const caller = { transactions, deadline, resolve, reject };
      const isAlone = line === undefined || (deadline !== undefined && this.isHurried(deadline));
      if (isAlone) this.sendAlone(caller);
      else this.add(caller, line);
    });
  }

  enqueue(call: PlainCall): boolean {
    const { lineOf } = this.options;
    const line = lineOf === undefined ? '' : lineOf([call]);
    if (line === undefined) return false;
    const pending = this.pendingOf(line);
    const batch = pending?.takesInPlain(call) ? pending : this.nextAfter(pending, line);
    batch.addPlain(call);
    this.added(batch);
    return true;
  }

  override refund(key: string, tokens: number, taken?: TakenAt): Awaitable<boolean> {
    this.flush();
    return super.refund(key, tokens, taken);
  }

  override undo(changes: readonly Change[]): Awaitable<number> {
    this.flush();
    return super.undo(changes);
  }

  override settle(key: string, actual: Actual): Awaitable<Omit<Settled, 'record'> | undefined> {
    this.flush();
    return super.settle(key, actual);
  }

  override lease(
    key: string,
    request: LeaseRequest,
    deadline?: Pick<Deadline, 'until'>,
  ): Awaitable<LeaseState> {
    this.flush();
    return super.lease(key, request, deadline);
  }

  override report(key: string, report: Report): Awaitable<StoreState> {
    this.flush();
    return super.report(key, report);
  }

  override unblock(key: string): Awaitable<boolean> {
    this.flush();
    return super.unblock(key);
  }

  override reset(key: string): Awaitable<boolean> {
    this.flush();
    return super.reset(key);
  }

  override inspect(keys: readonly string[]): Awaitable<readonly Inspection[]> {
    this.flush();
    return super.inspect(keys);
  }

  override close(): Awaitable<void> {
    this.flush();
    return super.close();
  }

  private add(caller: Caller, line: string): void {
    const pending = this.pendingOf(line);
    const batch = pending?.takesIn(caller.transactions) ? pending : this.nextAfter(pending, line);
    batch.add(caller);
    this.added(batch);
  }

  private pendingOf(line: string): Batch | undefined {
    // No `find`: this is what every take goes through, and mostly there is one.
    for (const batch of this.pending) if (batch.line === line) return batch;
    return undefined;
  }

  /** A new one, behind what was pending. */
  private nextAfter(pending: Batch | undefined, line: string): Batch {
    if (pending !== undefined) this.sendFrom(pending);
    const batch = new Batch(line);
    this.pending.push(batch);
    return batch;
  }

  private added(batch: Batch): void {
    if (batch.isFull) {
      this.sendFrom(batch);
    } else if (!this.isDue) this.schedule();
  }

  private schedule(): void {
    this.isDue = true;
    // Behind the promises of this tick: whoever goes on with one of them now may ask as well.
    if (this.underWay === 0) process.nextTick(this.leave);
    else setImmediate(this.leave);
  }

  private readonly leave = (): void => {
    this.isDue = false;
    this.flush();
  };

  private flush(): void {
    const { pending: batches } = this;
    if (batches.length === 0) return;
    this.pending = [];
    for (const batch of batches) this.send(batch);
  }

  /** One of those that are pending. */
  private sendFrom(batch: Batch): void {
    this.pending = this.pending.filter((one) => one !== batch);
    this.send(batch);
  }

  private sendAlone(caller: Caller): void {
    this.flush();
    this.send(Batch.of(caller));
  }

  private send(batch: Batch): void {
    this.underWay++;
    batch.close();
    const decided = attempt(() => this.store.decide(batch.transactions, batch.deadline));
    // Not by `finally`: its promise would be one more, and one that nobody listens to.
    Promise.resolve(decided).then(
      (replies) => {
        this.underWay--;
        batch.resolve(replies);
      },
      (error: unknown) => {
        this.underWay--;
        if (batch.mayBeTriedAlone(error)) for (const caller of batch.callers) this.send(Batch.of(caller));
        else batch.reject(error);
      },
    );
  }

  private isHurried({ until }: Deadline): boolean {
    const { timeoutMs = Number.POSITIVE_INFINITY } = this.options;
    return until - performance.now() < timeoutMs * NEARLY_ALL;
  }
}
