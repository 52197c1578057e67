import type { BucketRecord } from '../../algorithms/record.js';
import type { Scale } from '../../algorithms/ticks.js';
import { type BucketKind, Home } from './bucket-kind.js';
import { RANKS, REFUSING, rankOf } from './bucket-rank.js';
import { BucketTable } from './bucket-table.js';
import { NONE, RankQueues } from './rank-queues.js';

/** How many buckets of the lowest rank are looked at to make room for one. */
const HAND = 16;

/** And how many that were written since they were looked at last, and stand among them. */
const PASSED = 48;

/**
 * A map of at most `maxKeys` buckets. To make room it drops those that are full (absence means full, so nothing is lost).
 * Where all that it looks at still drain, one of the lowest rank goes: the one that is full soonest.
 *
 * Whether a bucket refuses, or is blocked, is noted when it is written. A rank only falls while nobody writes the bucket, so
 * one of these goes only where all the others did as well when they were looked at last. How much is used of one that
 * admits is noted when it is looked at: to keep that in order at each write would cost more than all else of a decision.
 */
export class BoundedBuckets {
  private readonly homes = new Map<string, Home>();
  /** Of buckets whose names say no policy. */
  private others = new Home(undefined);
  private table = new BucketTable();
  private queues = new RankQueues(this.table.slots);

  constructor(private readonly maxKeys: number) {}

  get size(): number {
    return this.table.size;
  }

  get(name: string): BucketRecord | undefined {
    const home = this.homeOf(name);
    const slot = home.slots.get(home.keyOf(name));
    return slot === undefined ? undefined : this.table.recordOf(slot);
  }

  /** `room` is how many tokens the bucket holds; by default as before, and what is not known yet counts as used up. */
  set(name: string, record: BucketRecord, now: number, room?: number): void {
    const home = this.homeOf(name);
    const key = home.keyOf(name);
    const slot = home.slots.get(key);
    if (slot === undefined) {
      const kind = home.kind(record, room ?? 0);
      this.table.write(this.add(key, kind, rankOf(kind, record, now), now), kind, record);
    } else {
      const kind = home.kind(record, room ?? this.table.kindOf(slot).room);
      this.table.write(slot, kind, record);
      this.queues.written(slot, rankOf(kind, record, now));
    }
  }

  delete(name: string): boolean {
    const home = this.homeOf(name);
    const slot = home.slots.get(home.keyOf(name));
    if (slot !== undefined) this.drop(slot);
    return slot !== undefined;
  }

  /** What the buckets of a policy that hold so many tokens on a scale have in common. */
  kind(policy: string, scale: Scale, room: number): BucketKind {
    return this.homeNamed(policy).kind(scale, room);
  }

  /** See `BucketTable.levelAt`: where it is undefined, `get` says it all. */
  levelAt(slot: number, kind: BucketKind, now: number): number | undefined {
    return this.table.levelAt(slot, kind, now);
  }

  /** Of a bucket that is not known yet. */
  addLevel(key: string, kind: BucketKind, level: number, now: number): void {
    const record = { level, at: now, ticksPerToken: kind.ticksPerToken, ticksPerMicro: kind.ticksPerMicro };
    this.table.write(this.add(key, kind, rankOf(kind, record, now), now), kind, record);
  }

  /** Of one that has told it. */
  setLevel(slot: number, kind: BucketKind, level: number, now: number): void {
    this.table.setLevel(slot, level, now);
    // Of those that admit the step is not asked for, unless it stands where others refuse.
    const refuses = level > kind.refusesAbove;
    if (refuses || this.queues.rankOf(slot) < REFUSING) this.queues.written(slot, refuses ? REFUSING : 0);
    else this.queues.written(slot, rankOf(kind, { level, at: now }, now));
  }

  /** A look at all buckets of a policy: for administration only. */
  namesOf(policy: string): string[] {
    const home = this.homes.get(policy);
    return home === undefined ? [] : [...home.slots.keys()].map((key) => home.nameOf(key));
  }

  clear(): void {
    this.homes.clear();
    this.others = new Home(undefined);
    this.table = new BucketTable();
    this.queues = new RankQueues(this.table.slots);
  }

  private homeOf(name: string): Home {
    const policy = Home.policyOf(name);
    return policy === undefined ? this.others : this.homeNamed(policy);
  }

  private homeNamed(policy: string): Home {
    const known = this.homes.get(policy);
    if (known !== undefined) return known;
    const home = new Home(policy);
    this.homes.set(policy, home);
    return home;
  }

  private add(key: string, kind: BucketKind, rank: number, now: number): number {
    if (this.size >= this.maxKeys) this.makeRoom(now);
    const slot = this.table.add(key, kind);
    if (this.table.slots > this.queues.slots) this.queues.grow(this.table.slots);
    this.queues.enter(slot, rank);
    return slot;
  }

  private makeRoom(now: number): void {
    const { size, queues } = this;
    // One of each rank that can fall, or what has drained in a high one would stay there and others would go for it.
    for (let rank = 1; rank < RANKS; rank++) {
      const first = queues.first(rank);
      if (first !== NONE) this.look(first, now);
    }
    let least = NONE;
    let isLeastIdle = false;
    for (const slot of queues.head(queues.lowest, HAND, PASSED)) {
      const isIdle = !queues.wasWritten(slot);
      if (!this.look(slot, now) || (isLeastIdle && !isIdle)) continue;
      if (isIdle !== isLeastIdle || this.isLess(slot, least)) least = slot;
      isLeastIdle = isIdle;
    }
    if (this.size === size && least !== NONE) this.drop(least);
  }

  /** Drops a bucket that is full; another goes to the end of its line, so that the next search looks at others. */
  private look(slot: number, now: number): boolean {
    const { table } = this;
    if (table.endOf(slot) <= now) {
      this.drop(slot);
      return false;
    }
    this.queues.move(slot, rankOf(table.kindOf(slot), table.stateOf(slot), now));
    return true;
  }

  private isLess(a: number, b: number): boolean {
    if (b === NONE) return true;
    const [rankOfA, rankOfB] = [this.queues.rankOf(a), this.queues.rankOf(b)];
    return rankOfA === rankOfB ? this.table.endOf(a) < this.table.endOf(b) : rankOfA < rankOfB;
  }

  private drop(slot: number): void {
    this.queues.leave(slot);
    this.table.remove(slot);
  }
}
