import type { Change } from '../algorithms/kernel.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import type { PlaceReturns } from './place-returns.js';
import { type Waiter, WaitingRoom } from './waiting-room.js';

/** A place in a line: when it is due, and how the store can take it back. */
export interface Place {
  /** In milliseconds of `performance.now()`. */
  readonly startAt: number;
  readonly changes: readonly Change[];
}

/** How long a place is tried to be given back that is due already: until the next call of the store. */
const GRACE_MS = 1000;

/** Ties a wait to what may end it early. The returned function unties it. */
export type Watch = (waiter: Waiter) => () => void;

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
   * Resolves to the value when the turn has come.
   * @throws what the wait was ended with
   */
  wait(place: Place, watch: Watch): Promise<void>;
  wait<T>(place: Place, watch: Watch, value: T): Promise<T>;
  wait({ startAt, changes }: Place, watch: Watch, value?: unknown): Promise<unknown> {
    const waiter = this.room.enter(startAt, changes, value);
    // One that has ended already is watched by nobody.
    if (waiter.index === -1) return waiter.done;
    const unwatch = watch(waiter);
    if (waiter.index === -1) unwatch();
    else waiter.unwatch = unwatch;
    return waiter.done;
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
