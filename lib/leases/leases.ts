import type { Take } from '../algorithms/kernel.js';
import type { LeaseRequest } from '../algorithms/lease.js';
import type { LeaseSpent } from '../algorithms/lease-holds.js';
import { attempt } from '../common/awaitable.js';
import type { LeaseState, Store } from '../stores/store.interface.js';
import { Alarm } from './alarm.js';
import { BucketLease, type LeaseRules, type Sent } from './bucket-lease.js';
import { HotKeys } from './hot-keys.js';
import type { LeaseClock } from './lease-clock.js';
import { PAUSE_MS } from './pace.js';

export interface LeasesOptions {
  /** How long a call may take, in milliseconds. */
  readonly timeoutMs: number;
  readonly clock: LeaseClock;
  readonly rules: LeaseRules;
}

/** More buckets are not leased at a time: those that are idle are returned soon. */
const MOST_LEASES = 1000;

/** More keys are not counted at a time. */
const MOST_COUNTED = 4096;

/** The leases of a process: takes them for keys that are asked for often, keeps them up, and returns them. */
export class Leases {
  private readonly open = new Map<string, BucketLease>();
  private readonly hot = new HotKeys(MOST_COUNTED);
  private readonly alarm: Alarm;
  /** After a failure nobody asks before this time. */
  private pausedUntil = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly store: Required<Pick<Store, 'lease'>>,
    private readonly options: LeasesOptions,
  ) {
    this.alarm = new Alarm(options.clock, () => this.tick());
  }

  get size(): number {
    return this.open.size;
  }

  get(key: string): BucketLease | undefined {
    return this.open.get(key);
  }

  isPaused(now: number): boolean {
    return now < this.pausedUntil;
  }

  /** Counts takes whose buckets have no lease. Where all are asked for often enough, and there is room, they get one each. */
  begin(takes: readonly Take[], now: number): boolean {
    const rates = takes.map((take) => this.hot.count(take, now));
    if (this.isPaused(now) || this.open.size + takes.length > MOST_LEASES) return false;
    if (rates.some((perMs) => perMs === 0)) return false;
    for (const [i, take] of takes.entries())
      this.open.set(take.key, new BucketLease(take, now, rates[i] as number, this.options.rules));
    return true;
  }

  /**
   * Asks the store for more of a lease, for so many tokens that are waited for, where it is not being asked already. The call
   * leaves at the end of the current tick, so that it asks for all who wait. Done when there is an answer, or none.
   */
  ask(lease: BucketLease, waiting: number): Promise<void> {
    lease.wait(waiting);
    lease.underWay ??= new Promise((resolve) => {
      process.nextTick(() => this.send(lease).then(resolve));
    });
    return lease.underWay;
  }

  /** Something was spent of it, or refused by it: perhaps it needs more. */
  tend(lease: BucketLease, now: number): void {
    if (!lease.isLow || lease.underWay !== undefined || this.isPaused(now)) return;
    if (lease.mayAsk(now)) void this.ask(lease, 0);
    else this.alarm.set(lease.due);
  }

  /** Ends a lease whose bucket the store is asked for: what is told with that call. */
  end(lease: BucketLease): LeaseSpent {
    this.drop(lease);
    return lease.stop();
  }

  /** Returns a lease. Where that fails, what is held of it counts as spent. */
  async giveUp(lease: BucketLease): Promise<void> {
    this.drop(lease);
    const request = lease.returning();
    if (request === undefined) return;
    const until = this.options.clock.now() + this.options.timeoutMs;
    await Promise.resolve(attempt(() => this.store.lease(lease.key, request, { until }))).catch(
      () => undefined,
    );
  }

  /** Returns all, and begins none any more. */
  async close(): Promise<void> {
    this.alarm.stop();
    this.hot.clear();
    this.pausedUntil = Number.POSITIVE_INFINITY;
    // What is being granted at this moment is returned when it is known.
    await Promise.all([...this.open.values()].flatMap((lease) => [lease.underWay, this.giveUp(lease)]));
  }

  private drop(lease: BucketLease): void {
    if (this.open.get(lease.key) === lease) this.open.delete(lease.key);
    // It has to be asked for often enough once more: what is returned time and again is better not leased.
    this.hot.forget(lease.key);
  }

  private send(lease: BucketLease): Promise<void> {
    const { clock, timeoutMs } = this.options;
    // Before the call: whatever holds it up, its time counts from here.
    const sent: Sent = { now: clock.now(), wall: clock.wall() };
    const request = lease.request(sent);
    const until = sent.now + timeoutMs;
    return Promise.resolve(attempt(() => this.store.lease(lease.key, request, { until }))).then(
      (state) => this.granted(lease, request, state, sent),
      () => this.failed(lease),
    );
  }

  private granted(
    lease: BucketLease,
    request: LeaseRequest,
    state: LeaseState,
    sent: Sent,
  ): Promise<void> | undefined {
    lease.granted(request, state, sent);
    // A block counts here as well as in the store; and what came too late for a lease that is over is of no use to anybody.
    if (lease.isOver || state.found.block > 0) return this.giveUp(lease);
    this.alarm.set(lease.due);
    return undefined;
  }

  private failed(lease: BucketLease): void {
    lease.answered();
    this.pausedUntil = Math.max(this.pausedUntil, this.options.clock.now() + PAUSE_MS);
    if (!lease.isOver) this.alarm.set(this.pausedUntil);
  }

  /** What nobody has asked for is settled, renewed or returned all the same. */
  private tick(): void {
    const now = this.options.clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const lease of [...this.open.values()]) {
      if (!this.isPaused(now) && lease.due <= now) {
        if (lease.isCold(now)) void this.giveUp(lease);
        else void this.ask(lease, 0);
      }
      if (!lease.isOver) next = Math.min(next, Math.max(lease.due, this.pausedUntil));
    }
    if (next !== Number.POSITIVE_INFINITY) this.alarm.set(next);
  }
}
