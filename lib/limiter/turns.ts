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

/** Ties a wait to what may end it early. The returned function unties it. */
export type Watch = (waiter: Waiter) => () => void;

/** Lets callers wait for their turn. Who leaves early gives the place back. */
export class Turns {
  private readonly room = new WaitingRoom();

  constructor(private readonly returns: PlaceReturns) {}

  get waiting(): number {
    return this.room.size;
  }

  /** @throws what the wait was ended with */
  async wait({ startAt, changes }: Place, watch: Watch): Promise<void> {
    const waiter = this.room.enter(startAt);
    const unwatch = watch(waiter);
    try {
      await waiter.done;
    } catch (reason) {
      this.returns.give(changes, startAt);
      throw reason;
    } finally {
      unwatch();
    }
  }

  /** Ends every wait at once, also those to come. */
  close(): void {
    this.room.close(
      new RateLimitError(
        'SHUTTING_DOWN',
        'the application is shutting down, and the turn of this caller had not come; try again on another instance',
      ),
    );
  }
}

/** Ends a wait when a signal is aborted, with its reason. */
export function watchSignal(signal: AbortSignal | undefined): Watch {
  return (waiter) => {
    if (signal === undefined) return () => undefined;
    if (signal.aborted) waiter.cancel(signal.reason);
    else signal.addEventListener('abort', waiter);
    return () => signal.removeEventListener('abort', waiter);
  };
}
