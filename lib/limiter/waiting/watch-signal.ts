import type { Watch } from './turns.js';
import type { Tie, Waiter } from './waiting-room.js';

/**
 * The waiters of one signal, behind one listener: a thousand calls may share a signal, and Node warns of more than ten
 * listeners. Most signals have one waiter only, so a set is made for the second.
 */
class SignalWaiters implements Tie {
  private only: Waiter | undefined;
  private all: Set<Waiter> | undefined;

  constructor(private readonly signal: AbortSignal) {}

  add(waiter: Waiter): void {
    if (this.all !== undefined) this.all.add(waiter);
    else if (this.only === undefined) this.only = waiter;
    else this.all = new Set([this.only, waiter]);
  }

  untie(waiter: Waiter): void {
    if (this.only === waiter) this.only = undefined;
    this.all?.delete(waiter);
    if (this.all === undefined ? this.only === undefined : this.all.size === 0) ignore(this.signal);
  }

  cancel(): void {
    for (const waiter of this.all ? [...this.all] : [this.only]) waiter?.cancel(this.signal.reason);
  }
}

const watched = new WeakMap<AbortSignal, SignalWaiters>();

/** Ends a wait when a signal is aborted, with its reason. */
export function watchSignal(signal: AbortSignal): Watch {
  return (waiter) => {
    if (signal.aborted) waiter.cancel(signal.reason);
    const waiters = watched.get(signal) ?? listen(signal);
    waiters.add(waiter);
    return waiters;
  };
}

// One function for all signals: Node makes a closure for each listener that is an object, twice as large as the waiter.
const onAbort = ({ target }: Event): void => watched.get(target as AbortSignal)?.cancel();

function listen(signal: AbortSignal): SignalWaiters {
  const waiters = new SignalWaiters(signal);
  watched.set(signal, waiters);
  signal.addEventListener('abort', onAbort);
  return waiters;
}

function ignore(signal: AbortSignal): void {
  signal.removeEventListener('abort', onAbort);
  watched.delete(signal);
}
