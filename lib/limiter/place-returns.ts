import { type Change, fullAt } from '../algorithms/kernel.js';
import type { Store } from '../stores/store.interface.js';

interface Place {
  readonly change: Change;
  /** When it would have been its turn, in milliseconds of `performance.now()`: then it is worth nothing any more. */
  readonly until: number;
}

/**
 * Gives the places of those who left a line back to the store. Only the last place can be undone, and then the one
 * before it: so what could not be is kept and tried again with the next, the latest first. All that leave in one turn of
 * the event loop go in one call.
 */
export class PlaceReturns {
  private readonly places = new Map<string, Place[]>();
  private readonly touched = new Set<string>();

  constructor(private readonly store: Pick<Store, 'undo'>) {}

  /** In how many lines places are kept. */
  get size(): number {
    return this.places.size;
  }

  give(changes: readonly Change[], until: number): void {
    if (changes.length === 0) return;
    if (this.touched.size === 0) setImmediate(() => this.flush());
    for (const change of changes) {
      this.touched.add(change.key);
      const places = this.places.get(change.key);
      if (places) places.push({ change, until });
      else this.places.set(change.key, [{ change, until }]);
    }
  }

  private flush(): void {
    const keys = [...this.touched];
    this.touched.clear();
    for (const key of keys) void this.undo(key);
    this.sweep(2 * keys.length);
  }

  /** Forgets places whose time has passed, a few lines at each call: nobody else might leave theirs. */
  private sweep(lines: number): void {
    const now = performance.now();
    for (const key of [...this.places.keys()].slice(0, lines)) {
      const places = this.places.get(key) as Place[];
      this.places.delete(key);
      this.keep(
        key,
        places.filter(({ until }) => until > now),
      );
    }
  }

  private async undo(key: string): Promise<void> {
    const now = performance.now();
    const waiting = (this.places.get(key) ?? []).filter(({ until }) => until > now);
    waiting.sort((a, b) => fullAt(b.change.after) - fullAt(a.change.after));
    // Kept before the answer, so that nothing that leaves meanwhile is forgotten.
    this.keep(key, waiting);
    if (waiting.length === 0) return;
    try {
      const undone = await this.store.undo(waiting.map(({ change }) => change));
      const gone = new Set(waiting.slice(0, undone));
      this.keep(
        key,
        (this.places.get(key) ?? []).filter((place) => !gone.has(place)),
      );
    } catch {
      // The place stays taken until its time has passed: nobody else is worse off than if the client had stayed.
    }
  }

  private keep(key: string, places: Place[]): void {
    if (places.length === 0) this.places.delete(key);
    else this.places.set(key, places);
  }
}
