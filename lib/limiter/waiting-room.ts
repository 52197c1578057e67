import type { Change } from '../algorithms/kernel.js';
import { WaiterHeap } from './waiter-heap.js';

/** The longest delay that a timer takes; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What resolves the promise that a caller waits for. */
export type Resolve<T> = (value: T | Promise<never>) => void;

/** What may end a wait early, and has to be told when it has ended. */
export interface Tie {
  untie(waiter: Waiter): void;
}

/**
 * One wait. It ends at its time with its value, or with the reason that it was cancelled for. There may be very many of
 * these: they have fields rather than closures, and no promise of their own.
 */
export class Waiter {
  index = -1;
  arrival = 0;
  tie: Tie | undefined;

  constructor(
    private readonly room: WaitingRoom,
    /** In milliseconds of `performance.now()`. */
    readonly until: number,
    /** What it was waiting with, for whoever is told that it was cancelled. */
    readonly changes: readonly Change[],
    private readonly value: unknown,
    private readonly resolve: Resolve<unknown>,
  ) {}

  /** Ends the wait now. Without effect once it has ended. */
  cancel(reason: unknown): void {
    if (!this.room.remove(this)) return;
    this.tie?.untie(this);
    // So it is rejected; a `reject` kept for each would be one more closure.
    this.resolve(Promise.reject(reason));
  }

  /** Ends the wait as it should. */
  start(): void {
    this.tie?.untie(this);
    this.resolve(this.value);
  }
}

/**
 * Those who wait for a time, in one heap with one timer: fifty thousand timers would cost as much again. Times are
 * monotonic, and a timer that fires early is set again.
 */
export class WaitingRoom {
  private readonly heap = new WaiterHeap<Waiter>();
  private timer: NodeJS.Timeout | undefined;
  private alarm = Number.POSITIVE_INFINITY;
  private closed: { readonly reason: unknown } | undefined;

  /** `onCancel` is told of every waiter that has left before its time. */
  constructor(private readonly onCancel: (waiter: Waiter) => void = () => undefined) {}

  get size(): number {
    return this.heap.size;
  }

  /**
   * Waits until a time of `performance.now()`, and then ends with the value: not for what has passed, and not after the
   * room was closed.
   */
  enter<T>(until: number, changes: readonly Change[], value: T, resolve: Resolve<T>): Waiter {
    const waiter = new Waiter(this, until, changes, value, resolve as Resolve<unknown>);
    if (until <= performance.now()) waiter.start();
    else {
      this.heap.push(waiter);
      if (this.closed) waiter.cancel(this.closed.reason);
      else this.arm();
    }
    return waiter;
  }

  /** Takes a waiter out before its time. Answers whether it was still waiting. */
  remove(waiter: Waiter): boolean {
    if (!this.heap.remove(waiter)) return false;
    if (this.heap.size === 0) this.disarm();
    this.onCancel(waiter);
    return true;
  }

  /** Ends every wait with this reason, those to come too. */
  close(reason: unknown): void {
    this.closed = { reason };
    for (let waiter = this.heap.first; waiter; waiter = this.heap.first) waiter.cancel(reason);
  }

  private arm(): void {
    const next = this.heap.first?.until ?? Number.POSITIVE_INFINITY;
    if (next >= this.alarm) return;
    this.disarm();
    this.alarm = next;
    const delay = Math.min(Math.ceil(next - performance.now()), LONGEST_TIMER_MS);
    this.timer = setTimeout(() => this.ring(), delay);
  }

  private disarm(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.alarm = Number.POSITIVE_INFINITY;
  }

  private ring(): void {
    this.disarm();
    const now = performance.now();
    for (let waiter = this.heap.first; waiter && waiter.until <= now; waiter = this.heap.first) {
      this.heap.remove(waiter);
      waiter.start();
    }
    this.arm();
  }
}
