import { RateLimitError } from '../../errors/rate-limit.error.js';
import { Blocks } from './blocks.js';
import type { PlaceReturns } from './place-returns.js';
import { SlotOrder } from './slot-order.js';
import {
  type Place,
  type PlaceFor,
  type Resolve,
  type Retake,
  type Tie,
  type Waiter,
  WaitingRoom,
} from './waiting-room.js';

/** How long a place is tried to be given back that is due already: until the next call of the store. */
const GRACE_MS = 1000;

/** How many take their places again in one turn of the event loop. */
const AT_ONCE = 500;

/** Ties a wait to what may end it early. */
export type Watch = (waiter: Waiter) => Tie;

/** Lets callers wait for their turn. Who leaves early gives the place back. */
export class Turns {
  private readonly room: WaitingRoom;
  private readonly slots = new SlotOrder();

  constructor(
    private readonly returns: PlaceReturns,
    private readonly blocks = new Blocks(),
  ) {
    this.room = new WaitingRoom(({ changes, startAt }) => returns.give(changes, startAt));
    blocks.onLearn((bucket, { until }) => this.leaveBlock(bucket, until));
  }

  get waiting(): number {
    return this.room.size;
  }

  /**
   * Resolves with the value of its place when the turn has come.
   * @throws what the wait was ended with
   */
  wait<T>(place: PlaceFor<T>, watch?: Watch): Promise<T> {
    return new Promise((resolve) => this.settle(resolve, place, watch));
  }

  /** Resolves a promise that is there already when the turn has come: who waits needs no second one. */
  settle<T>(resolve: Resolve<T>, place: PlaceFor<T>, watch?: Watch): void {
    const waiter = this.room.enter(this.inOrder(place), place.value, resolve);
    // One that has ended already is watched by nobody.
    if (!waiter.isWaiting) return;
    const tie = watch?.(waiter);
    if (waiter.isWaiting) waiter.tie = tie;
    else tie?.untie(waiter);
    this.mindNews(waiter, place.order);
  }

  /** The place, not before an earlier one of its line. */
  private inOrder<T extends Place>(place: T): T {
    const line = place.lines?.[0] ?? place.changes[0]?.key;
    return { ...place, startAt: this.slots.startOf(line, place) };
  }

  /** Gives a place up that was never waited for. */
  leave({ startAt, changes }: Place): void {
    this.returns.give(changes, Math.max(startAt, performance.now() + GRACE_MS));
  }

  /** Ends every wait at once, also those to come. */
  close(): void {
    this.room.close(shuttingDown());
  }

  /** Those whose turn would come inside a block take a place behind it, in the order of their turns. */
  private leaveBlock(bucket: string, until: number): void {
    const inside = this.room.before(until, bucket).filter(({ retake }) => retake !== undefined);
    for (const waiter of inside) this.hold(waiter);
    void this.takeAllAgain(inside);
  }

  /** It goes on waiting, for a place that it does not know yet. The old one is lost: the block came after it. */
  private hold(waiter: Waiter): void {
    this.room.move(waiter, { startAt: Number.POSITIVE_INFINITY, changes: [] }, waiter.value);
  }

  /** There may be very many: others get their turn of the event loop meanwhile. */
  private async takeAllAgain(waiters: readonly Waiter[]): Promise<void> {
    for (const [i, waiter] of waiters.entries()) {
      if (i > 0 && i % AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
      void this.takeAgain(waiter);
    }
  }

  /** A block that was learned of between the taking of a place and the wait for it. */
  private mindNews(waiter: Waiter, order: number): void {
    const isInside = waiter.buckets.some((bucket) => {
      const block = this.blocks.since(order, bucket);
      return block !== undefined && waiter.startAt < block.until;
    });
    if (!isInside || waiter.retake === undefined) return;
    this.hold(waiter);
    void this.takeAgain(waiter);
  }

  private async takeAgain(waiter: Waiter): Promise<void> {
    if (!waiter.isWaiting) return;
    try {
      const place = await (waiter.retake as Retake)(waiter);
      if (!waiter.isWaiting) return this.leave(place);
      this.room.move(waiter, this.inOrder(place), place.value);
      this.mindNews(waiter, place.order);
    } catch (error) {
      waiter.cancel(error);
    }
  }
}

export const shuttingDown = (): RateLimitError =>
  new RateLimitError(
    'SHUTTING_DOWN',
    'the application is shutting down, and the turn of this caller had not come; try again on another instance',
  );
