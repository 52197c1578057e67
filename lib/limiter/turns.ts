import { RateLimitError } from '../errors/rate-limit.error.js';
import { Blocks } from './blocks.js';
import type { PlaceReturns } from './place-returns.js';
import {
  type Place,
  type PlaceFor,
  type Resolve,
  type Tie,
  type Waiter,
  WaitingRoom,
} from './waiting-room.js';

/** How long a place is tried to be given back that is due already: until the next call of the store. */
const GRACE_MS = 1000;

/** Ties a wait to what may end it early. */
export type Watch = (waiter: Waiter) => Tie;

/** Lets callers wait for their turn. Who leaves early gives the place back. */
export class Turns {
  private readonly room: WaitingRoom;

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
    const waiter = this.room.enter(place, place.value, resolve);
    // One that has ended already is watched by nobody.
    if (!waiter.isWaiting) return;
    const tie = watch?.(waiter);
    if (waiter.isWaiting) waiter.tie = tie;
    else tie?.untie(waiter);
    this.mindNews(waiter, place.order);
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
    for (const waiter of this.room.before(until, bucket)) void this.takeAgain(waiter);
  }

  /** A block that was learned of between the taking of a place and the wait for it. */
  private mindNews(waiter: Waiter, order: number): void {
    const isInside = waiter.buckets.some((bucket) => {
      const block = this.blocks.since(order, bucket);
      return block !== undefined && waiter.startAt < block.until;
    });
    if (isInside) void this.takeAgain(waiter);
  }

  private async takeAgain(waiter: Waiter): Promise<void> {
    const { retake } = waiter;
    if (retake === undefined) return;
    // It goes on waiting, for a place that it does not know yet. The old one is lost: the block came after it.
    this.room.move(waiter, { startAt: Number.POSITIVE_INFINITY, changes: [] }, waiter.value);
    try {
      const place = await retake(waiter);
      if (!waiter.isWaiting) return this.leave(place);
      this.room.move(waiter, place, place.value);
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
