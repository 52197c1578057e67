import type { Reserved } from '../../algorithms/settlement.js';

/**
 * Reservations that wait to be settled: at most so many, and the oldest goes first. What is dropped, or is not settled
 * in time, stays taken as estimated.
 */
export class OpenReservations {
  private readonly open = new Map<string, Reserved>();

  constructor(private readonly most: number) {}

  get size(): number {
    return this.open.size;
  }

  add(key: string, id: string, reserved: Reserved): void {
    this.dropOverdue(reserved.at);
    this.open.set(nameOf(key, id), reserved);
  }

  /** A reservation, for the last time; undefined where there is none any more. */
  take(key: string, id: string, now: number): Reserved | undefined {
    const name = nameOf(key, id);
    const reserved = this.open.get(name);
    this.open.delete(name);
    return reserved !== undefined && now < reserved.until ? reserved : undefined;
  }

  clear(): void {
    this.open.clear();
  }

  /** Only from the front: the oldest are due first, mostly. */
  private dropOverdue(now: number): void {
    for (const [name, { until }] of this.open) {
      if (until > now && this.open.size < this.most) return;
      this.open.delete(name);
    }
  }
}

/** A key ends with a brace, so the id cannot be taken for a part of it. */
const nameOf = (key: string, id: string): string => `${key}:r:${id}`;
