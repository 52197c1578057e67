import type { Change } from '../algorithms/kernel.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import type { PlaceReturns } from './place-returns.js';
import { type Resolve, type Tie, type Waiter, WaitingRoom } from './waiting-room.js';

/** A place in a line: when it is due, and how the store can take it back. */
export interface Place {
  /** In milliseconds of `performance.now()`. */
  readonly startAt: number;
  readonly changes: readonly Change[];
}

/** How long a place is tried to be given back that is due already: until the next call of the store. */
const GRACE_MS = 1000;

/** Ties a wait to what may end it early. */
export type Watch = (waiter: Waiter) => Tie;

/** Lets callers wait for their turn. Who leaves early gives the place back. */
export class Turns {
  private readonly room: WaitingRoom;

  constructor(private readonly returns: PlaceReturns) {
    this.room = new WaitingRoom(({ changes, until }) => returns.give(changes, until));
  }

  get waiting(): number {
    return this.room.size;
  }

  /**
   * Resolves when the turn has come.
   * @throws what the wait was ended with
   */
  wait(place: Place, watch?: Watch): Promise<void> {
    return new Promise((resolve) => this.settle(resolve, place, undefined, watch));
  }

  /** Resolves a promise that is there already, with the value, when the turn has come: who waits needs no second one. */
  settle<T>(resolve: Resolve<T>, { startAt, changes }: Place, value: T, watch?: Watch): void {
    const waiter = this.room.enter(startAt, changes, value, resolve);
    // One that has ended already is watched by nobody.
    if (watch === undefined || waiter.index === -1) return;
    const tie = watch(waiter);
    if (waiter.index === -1) tie.untie(waiter);
    else waiter.tie = tie;
  }

  /** Gives a place up that was never waited for. */
  leave({ startAt, changes }: Place): void {
    this.returns.give(changes, Math.max(startAt, performance.now() + GRACE_MS));
  }

  /** Ends every wait at once, also those to come. */
  close(): void {
    this.room.close(shuttingDown());
  }
}

export const shuttingDown = (): RateLimitError =>
  new RateLimitError(
    'SHUTTING_DOWN',
    'the application is shutting down, and the turn of this caller had not come; try again on another instance',
  );
