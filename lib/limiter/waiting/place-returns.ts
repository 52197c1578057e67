import type { Change } from '../../algorithms/kernel.js';
import { drainedAt, isSame } from '../../algorithms/record.js';
import type { Store } from '../../stores/store.interface.js';

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
  /** No place that is kept is due before this. */
  private nextDue = Number.POSITIVE_INFINITY;

  constructor(private readonly store: Pick<Store, 'undo'>) {}

  /** Lines in which places are kept. */
  get size(): number {
    return this.places.size;
  }

  give(changes: readonly Change[], until: number): void {
    if (changes.length === 0) return;
    if (this.touched.size === 0) setImmediate(() => this.flush());
    for (const change of changes) {
      this.touched.add(change.key);
      const places = this.places.get(change.key);
      if (places === undefined) this.places.set(change.key, [{ change, until }]);
      else places.push({ change, until });
    }
    this.nextDue = Math.min(this.nextDue, until);
  }

  private flush(): void {
    this.forget(performance.now());
    const keys = [...this.touched];
    this.touched.clear();
    for (const key of keys) {
      // Where it fails, places stay taken until their time: nobody is worse off than if their clients had stayed.
      void this.undo(key).catch(() => undefined);
    }
  }

  private async undo(key: string): Promise<void> {
    const places = [...(this.places.get(key) ?? [])];
    if (places.length === 0) return;
    places.sort(
      ({ change: { after: a } }, { change: { after: b } }) =>
        drainedAt(b) - drainedAt(a) || b.level - a.level,
    );
    const undone = await this.store.undo(chainOf(places.map(({ change }) => change)));
    const gone = new Set(places.slice(0, undone));
    // What has left meanwhile is in the list as well.
    this.keep(
      key,
      (this.places.get(key) ?? []).filter((place) => !gone.has(place)),
    );
  }

  /** Drops the places whose time has passed: nobody may leave their lines again. */
  private forget(now: number): void {
    if (this.nextDue > now) return;
    this.nextDue = Number.POSITIVE_INFINITY;
    for (const [key, places] of this.places) {
      const left = places.filter(({ until }) => until > now);
      for (const { until } of left) this.nextDue = Math.min(this.nextDue, until);
      this.keep(key, left);
    }
  }

  private keep(key: string, places: Place[]): void {
    if (places.length === 0) this.places.delete(key);
    else this.places.set(key, places);
  }
}

/**
 * As many of the latest as may be undone one after another: each has found what the one before it has left. Behind a gap
 * nothing can be undone before somebody else has left, so nothing of it is sent.
 */
function chainOf(latestFirst: readonly Change[]): Change[] {
  const gap = latestFirst.findIndex(
    ({ before }, i) => i + 1 < latestFirst.length && !isSame(before, (latestFirst[i + 1] as Change).after),
  );
  return gap === -1 ? [...latestFirst] : latestFirst.slice(0, gap + 1);
}
