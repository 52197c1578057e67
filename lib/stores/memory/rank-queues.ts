import { RANKS, REFUSING } from './bucket-rank.js';

/** No slot: where a queue ends. */
export const NONE = -1;

/** Added to a rank: the bucket was written since it was looked at last. */
const WRITTEN = 16;
const RANK = 15;

/** The slots of a table in queues, one for each rank. Each stands in one of them, which it can leave from anywhere. */
export class RankQueues {
  private readonly firsts = new Int32Array(RANKS).fill(NONE);
  private readonly lasts = new Int32Array(RANKS).fill(NONE);
  private ranks: Uint8Array;
  /** Of each slot the one before it and the one after it. */
  private links: Int32Array;

  constructor(public slots: number) {
    this.ranks = new Uint8Array(slots);
    this.links = new Int32Array(2 * slots);
  }

  grow(slots: number): void {
    const { ranks, links } = this;
    this.slots = slots;
    this.ranks = new Uint8Array(slots);
    this.ranks.set(ranks);
    this.links = new Int32Array(2 * slots);
    this.links.set(links);
  }

  first(rank: number): number {
    return this.firsts[rank] as number;
  }

  /** The lowest rank that a bucket has; below 0 where there is none. */
  get lowest(): number {
    return this.firsts.findIndex((first) => first !== NONE);
  }

  /** The rank that was noted. */
  rankOf(slot: number): number {
    return (this.ranks[slot] as number) & RANK;
  }

  wasWritten(slot: number): boolean {
    return (this.ranks[slot] as number) >= WRITTEN;
  }

  /**
   * Notes that a bucket was written. Among those that admit it keeps its place, but none of them may stand where others
   * refuse, nor one that refuses among them.
   */
  written(slot: number, rank: number): void {
    const before = this.rankOf(slot);
    if (rank === before || Math.max(rank, before) < REFUSING) this.ranks[slot] = before | WRITTEN;
    else this.move(slot, rank);
  }

  /** To the end of a queue. */
  move(slot: number, rank: number): void {
    this.leave(slot);
    this.enter(slot, rank);
  }

  enter(slot: number, rank: number): void {
    const last = this.lasts[rank] as number;
    this.ranks[slot] = rank;
    this.links[2 * slot] = last;
    this.links[2 * slot + 1] = NONE;
    this.lasts[rank] = slot;
    if (last === NONE) this.firsts[rank] = slot;
    else this.links[2 * last + 1] = slot;
  }

  leave(slot: number): void {
    const rank = this.rankOf(slot);
    const previous = this.links[2 * slot] as number;
    const next = this.links[2 * slot + 1] as number;
    if (previous === NONE) this.firsts[rank] = next;
    else this.links[2 * previous + 1] = next;
    if (next === NONE) this.lasts[rank] = previous;
    else this.links[2 * next] = previous;
  }

  /** The first ones of a queue: at most so many, and so many that were written between them. */
  head(rank: number, most: number, mostWritten: number): number[] {
    const found: number[] = [];
    let [idle, written] = [0, 0];
    for (let slot = this.firsts[rank] ?? NONE; slot !== NONE; slot = this.links[2 * slot + 1] as number) {
      if (this.wasWritten(slot) ? ++written > mostWritten : ++idle > most) break;
      found.push(slot);
    }
    return found;
  }
}
