import { type BucketRecord, endOf, isPlain } from '../../algorithms/record.js';
import { drain } from '../../algorithms/ticks.js';
import type { BucketKind } from './bucket-kind.js';

const FIRST_SLOTS = 1024;

/**
 * Buckets in columns, each in a slot. Level and time in a row of numbers are 16 bytes that no garbage collector walks over
 * and that a write changes in place; as fields of an object they are 48, besides the 24 of the object.
 */
export class BucketTable {
  /** How many there is room for. */
  slots = FIRST_SLOTS;
  /** Of each slot its level and its time. */
  private numbers = new Float64Array(2 * FIRST_SLOTS);
  /** The kind of a bucket that says no more than a level at a time; 0 of others. */
  private plainKinds = new Float64Array(FIRST_SLOTS);
  private readonly keys: string[] = [];
  private readonly kinds: BucketKind[] = [];
  /** The records of those that say more than a level at a time. */
  private readonly records: (BucketRecord | undefined)[] = [];
  private readonly free: number[] = [];

  get size(): number {
    return this.keys.length - this.free.length;
  }

  /** A slot for a bucket that is about to be written. */
  add(key: string, kind: BucketKind): number {
    const slot = this.free.pop() ?? this.keys.length;
    if (slot === this.slots) this.grow();
    this.keys[slot] = key;
    this.kinds[slot] = kind;
    this.records[slot] = undefined;
    kind.home.slots.set(key, slot);
    return slot;
  }

  remove(slot: number): void {
    this.kindOf(slot).home.slots.delete(this.keys[slot] as string);
    this.keys[slot] = '';
    this.records[slot] = undefined;
    this.free.push(slot);
  }

  kindOf(slot: number): BucketKind {
    return this.kinds[slot] as BucketKind;
  }

  recordOf(slot: number): BucketRecord {
    const { ticksPerToken, ticksPerMicro } = this.kindOf(slot);
    return this.records[slot] ?? { ...this.stateOf(slot), ticksPerToken, ticksPerMicro };
  }

  stateOf(slot: number): Pick<BucketRecord, 'level' | 'at' | 'blocked'> {
    const known = this.records[slot];
    if (known !== undefined) return known;
    return { level: this.numbers[2 * slot] as number, at: this.numbers[2 * slot + 1] as number };
  }

  /** When a bucket is full, and not blocked. */
  endOf(slot: number): number {
    const known = this.records[slot];
    if (known !== undefined) return endOf(known);
    const [level, at] = [this.numbers[2 * slot] as number, this.numbers[2 * slot + 1] as number];
    return at + Math.ceil(level / this.kindOf(slot).ticksPerMicro);
  }

  /**
   * The level of a bucket of a kind; undefined where that is not all there is to say, where it was written by another limit,
   * and where it lies ahead of the clock.
   */
  levelAt(slot: number, kind: BucketKind, now: number): number | undefined {
    if (this.plainKinds[slot] !== kind.id) return undefined;
    const elapsed = now - (this.numbers[2 * slot + 1] as number);
    return elapsed < 0 ? undefined : drain(this.numbers[2 * slot] as number, kind.ticksPerMicro, elapsed);
  }

  /** The kind has to be of the record's scale. */
  write(slot: number, kind: BucketKind, record: BucketRecord): void {
    const isLevel = isPlain(record);
    this.setLevel(slot, record.level, record.at);
    this.records[slot] = isLevel ? undefined : record;
    this.plainKinds[slot] = isLevel ? kind.id : 0;
    this.kinds[slot] = kind;
  }

  /** Of a bucket that has told its level. */
  setLevel(slot: number, level: number, at: number): void {
    this.numbers[2 * slot] = level;
    this.numbers[2 * slot + 1] = at;
  }

  private grow(): void {
    const { numbers, plainKinds } = this;
    this.slots *= 2;
    this.plainKinds = new Float64Array(this.slots);
    this.plainKinds.set(plainKinds);
    this.numbers = new Float64Array(2 * this.slots);
    this.numbers.set(numbers);
  }
}
