import type { Change } from '../../algorithms/kernel.js';
import type { Awaitable } from '../../common/awaitable.js';
import { bucketKey } from '../bucket-key.js';
import type { Bucket } from '../charge.js';
import type { Judgement } from '../judgement.js';
import { WaiterHeap } from './waiter-heap.js';

/** The longest delay that a timer takes; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A place in a line: when it is due, and how the store can take it back. */
export interface Place {
  /** In milliseconds of `performance.now()`. */
  readonly startAt: number;
  /** The same in microseconds of the store's clock. */
  readonly slot: number;
  readonly changes: readonly Change[];
  /** The buckets that are waited for, where they are not those that were changed. */
  readonly lines?: readonly string[] | undefined;
  /** Undefined: it is not left where its turn would come inside a block. */
  readonly retake?: Retake | undefined;
  /** The caller will not wait beyond this time. */
  readonly giveUpAt?: number | undefined;
  /** Of the call that has taken it: see `Judgement.order`. */
  readonly order: number;
}

/** The place that a transaction has taken. */
export function placeOf({ decidedAt, waitMs, slot, changes, order, waiting }: Judgement): Place {
  // What costs nothing has changed nothing, and waits all the same.
  const lines = changes.length > 0 ? undefined : linesOf(waiting);
  return { startAt: decidedAt + waitMs, slot, changes, lines, order };
}

/** The buckets of charges that wait. */
export function linesOf(waiting: readonly Bucket[]): string[] {
  return waiting.map(({ placed, key }) => bucketKey(placed.id, key));
}

/** A place, and what a wait for it ends with. */
export interface PlaceFor<T> extends Place {
  readonly value: T;
}

/**
 * Takes a place for a waiter once more, with one call of the store.
 * @throws RateLimitExceededError where there is none
 */
export type Retake = (waiter: Waiter) => Awaitable<PlaceFor<unknown>>;

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
  startAt: number;
  changes: readonly Change[];
  value: unknown;
  private readonly lines: readonly string[] | undefined;
  readonly retake: Retake | undefined;
  readonly giveUpAt: number | undefined;
  index = -1;
  arrival = 0;
  tie: Tie | undefined;

  constructor(
    private readonly room: WaitingRoom,
    { startAt, changes, lines, retake, giveUpAt }: Omit<Place, 'order' | 'slot'>,
    value: unknown,
    private readonly resolve: Resolve<unknown>,
  ) {
    this.startAt = startAt;
    this.changes = changes;
    this.value = value;
    this.lines = lines;
    this.retake = retake;
    this.giveUpAt = giveUpAt;
  }

  get isWaiting(): boolean {
    return this.index !== -1;
  }

  /** The buckets that it waits for. */
  get buckets(): readonly string[] {
    return this.lines ?? this.changes.map(({ key }) => key);
  }

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

  /** Waits for a place, and then ends with the value: not where it is due, and not after the room was closed. */
  enter<T>(place: Place, value: T, resolve: Resolve<T>): Waiter {
    const waiter = new Waiter(this, place, value, resolve as Resolve<unknown>);
    const isDue = place.startAt <= performance.now();
    if (isDue && this.heap.size === 0) waiter.start();
    else {
      this.heap.push(waiter);
      // Others may be due before it whose timer has not fired yet.
      if (isDue) this.ring();
      else if (this.closed) waiter.cancel(this.closed.reason);
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

  /** Lets a waiter wait for another place. */
  move(waiter: Waiter, { startAt, changes }: Pick<Place, 'startAt' | 'changes'>, value: unknown): void {
    if (!this.heap.remove(waiter)) return;
    waiter.startAt = startAt;
    waiter.changes = changes;
    waiter.value = value;
    this.heap.push(waiter);
    this.arm();
  }

  /** Those who wait for a place of a bucket that is due before a time, the first to start first. */
  before(startAt: number, bucket: string): Waiter[] {
    return this.heap.filter((waiter) => waiter.startAt < startAt && waiter.buckets.includes(bucket));
  }

  /** Ends every wait with this reason, those to come too. */
  close(reason: unknown): void {
    this.closed = { reason };
    for (let waiter = this.heap.first; waiter; waiter = this.heap.first) waiter.cancel(reason);
  }

  private arm(): void {
    const next = this.heap.first?.startAt ?? Number.POSITIVE_INFINITY;
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
    for (let waiter = this.heap.first; waiter && waiter.startAt <= now; waiter = this.heap.first) {
      this.heap.remove(waiter);
      waiter.start();
    }
    this.arm();
  }
}
