import type { Watch } from './turns.js';
import type { Waiter } from './waiting-room.js';

/**
 * The waiters of one signal, behind one listener: a thousand calls may share a signal, and Node warns of more than ten
 * listeners. Most signals have one waiter only, so a set is made for the second.
 */
class SignalWaiters {
  private only: Waiter | undefined;
  private all: Set<Waiter> | undefined;

  add(waiter: Waiter): void {
    if (this.all !== undefined) this.all.add(waiter);
    else if (this.only === undefined) this.only = waiter;
    else this.all = new Set([this.only, waiter]);
  }

  /** Answers whether none is left. */
  remove(waiter: Waiter): boolean {
    if (this.only === waiter) this.only = undefined;
    this.all?.delete(waiter);
    return this.all === undefined ? this.only === undefined : this.all.size === 0;
  }

  /** An abort signal takes an object for a listener. */
  handleEvent({ target }: { readonly target: unknown }): void {
    const { reason } = target as AbortSignal;
    for (const waiter of this.all ? [...this.all] : [this.only]) waiter?.cancel(reason);
  }
}

const watched = new WeakMap<AbortSignal, SignalWaiters>();

/** Ends a wait when a signal is aborted, with its reason. */
export function watchSignal(signal: AbortSignal | undefined): Watch {
  return (waiter) => {
    if (signal === undefined) return () => undefined;
    if (signal.aborted) waiter.cancel(signal.reason);
    const waiters = watched.get(signal) ?? listen(signal);
    waiters.add(waiter);
    return () => {
      if (!waiters.remove(waiter)) return;
      signal.removeEventListener('abort', waiters);
      watched.delete(signal);
    };
  };
}

function listen(signal: AbortSignal): SignalWaiters {
  const waiters = new SignalWaiters();
  watched.set(signal, waiters);
  signal.addEventListener('abort', waiters);
  return waiters;
}
