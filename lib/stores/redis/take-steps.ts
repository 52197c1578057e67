import type { NamelessTake } from '../../algorithms/kernel.js';
import { BucketsByPolicy, partsOf } from '../buckets-by-policy.js';
import { isPlain } from '../plain.js';
import { PlainCall } from '../plain-call.js';
import type { Transaction } from '../store.interface.js';
import { BucketSorts } from './bucket-sorts.js';

/** Steps are written in characters below 128, for in UTF-8 each of these is a byte; places with two of them. */
const BASE = 128;
const MOST = BASE - 1;
const MOST_KEYS = 1000;
/** How many characters a step of one take has. */
const SINGLE = 5;

/** Takes that differ in nothing but their buckets. */
interface Kind {
  readonly take: NamelessTake;
  readonly counted: boolean;
  readonly ticks: number;
}

/**
 * Transactions as `take.lua` is told of them: each bucket once, each kind of take once, and steps that say which kind comes
 * to which bucket. Single takes of one kind that follow each other in a bucket are one step that is repeated.
 */
export class TakeSteps {
  readonly keys: string[] = [];
  /** Of each take, in order: its bucket's place in `keys`. */
  readonly places: number[] = [];
  private readonly indexes = new BucketsByPolicy<number>();
  private readonly kinds: Kind[] = [];
  private readonly codes: number[] = [];
  /** Of each bucket: the kind of its first take, whose scale all have. */
  private readonly firstKind: number[] = [];
  /** Where in `codes` the newest step is. */
  private newest = Number.NaN;
  /** Of the step that is being made: what it takes, and whether that can be. */
  private cost = 0;
  private isPossible = true;

  /** Undefined where the script cannot be told: what is not plain, a bucket of two scales, too many buckets or kinds. */
  static of(transactions: readonly Transaction[]): TakeSteps | undefined {
    const steps = new TakeSteps();
    for (const transaction of transactions) {
      const isTold =
        transaction instanceof PlainCall
          ? steps.addCall(transaction)
          : isPlain(transaction) && steps.add(transaction);
      if (!isTold) return undefined;
    }
    const { length } = steps.keys;
    return length > 0 && length <= MOST_KEYS && steps.kinds.length <= MOST ? steps : undefined;
  }

  /** Undefined where its buckets are of too many sorts. `named`: how many buckets are named behind. */
  args(named: number): string[] | undefined {
    const sorts = this.sorts();
    const [first, ...others] = sorts.args();
    if (first === undefined || others.length >= MOST) return undefined;
    const steps = String.fromCharCode(...this.codes);
    const args = [...first, steps, sorts.text, String(others.length), String(named)];
    for (const sort of others) args.push(...sort);
    for (const { take, ticks, counted } of this.kinds)
      args.push(String(take.allowance), String(ticks), counted ? '1' : '0');
    return args;
  }

  /** What the steps come to for each bucket. */
  private sorts(): BucketSorts {
    const { keys, kinds, codes, firstKind } = this;
    const totals = new Float64Array(keys.length);
    const tops = new Float64Array(keys.length).fill(Number.MAX_SAFE_INTEGER);
    for (let next = 0; next < codes.length; ) {
      const times = codes[next + 1] as number;
      const end = next + 2 + 3 * (codes[next] as number);
      for (next += 2; next < end; next += 3) {
        const { take, ticks, counted } = kinds[(codes[next] as number) - 1] as Kind;
        const place = (codes[next + 1] as number) * BASE + (codes[next + 2] as number) - 1;
        (totals[place] as number) += times * ticks;
        // What is counted goes step by step.
        const top = counted ? -1 : take.allowance + ticks;
        if (top < (tops[place] as number)) tops[place] = top;
      }
    }
    const sorts = new BucketSorts();
    for (let place = 0; place < keys.length; place++) {
      const { scale } = (kinds[firstKind[place] as number] as Kind).take;
      const total = totals[place] as number;
      sorts.add({ scale, total, room: (tops[place] as number) - total });
    }
    return sorts;
  }

  private addCall({ take, key, others, counted }: PlainCall): boolean {
    const start = this.begin(1 + others.length);
    if (!this.reach(take, counted, take.policy, key)) return false;
    for (const { take, key } of others) if (!this.reach(take, counted, take.policy, key)) return false;
    return this.end(start);
  }

  private add({ takes, peek, counted = false }: Transaction): boolean {
    const start = this.begin(takes.length);
    for (const take of takes) {
      const [policy, key] = partsOf(take.key);
      if (!this.reach(take, counted, policy, key, take.key)) return false;
    }
    return this.end(start, peek);
  }

  /** A step of so many takes. */
  private begin(size: number): number {
    this.cost = 0;
    this.isPossible = true;
    return this.codes.push(size, 1) - 2;
  }

  /** A take of it. Its bucket is named where it is the first that comes to it; false where that is of another scale. */
  private reach(take: NamelessTake, counted: boolean, policy: string, key: string, name?: string): boolean {
    const kind = this.kindOf(take, counted);
    let place = this.indexes.get(policy, key);
    if (place === undefined) {
      place = this.keys.push(name ?? `${policy}:{${key}}`) - 1;
      this.firstKind.push(kind);
      this.indexes.set(policy, key, place);
    } else if (!this.isOfScale(place, kind)) return false;
    this.places.push(place);
    this.codes.push(kind + 1, (place + 1) >> 7, (place + 1) % BASE);
    this.cost += take.cost;
    if (take.allowance < 0) this.isPossible = false;
    return true;
  }

  /** The step is complete. One of a single take that says the same as the one before makes that be repeated. */
  private end(start: number, peek = false): boolean {
    const { codes } = this;
    if ((codes[start] as number) > MOST) return false;
    // What takes nothing is not decided there: the levels that are found say all.
    const isNothing = peek || !this.isPossible || this.cost === 0;
    if (isNothing || this.repeats(start)) codes.length = start;
    else this.newest = start;
    return true;
  }

  private repeats(start: number): boolean {
    const { codes, newest } = this;
    const isNext = codes.length === start + SINGLE && newest === start - SINGLE;
    if (!isNext || codes[newest + 1] === MOST) return false;
    for (let i = 2; i < SINGLE; i++) if (codes[newest + i] !== codes[start + i]) return false;
    codes[newest + 1] = (codes[newest + 1] as number) + 1;
    return true;
  }

  private isOfScale(place: number, kind: number): boolean {
    const first = this.firstKind[place] as number;
    return first === kind || isSameScale((this.kinds[first] as Kind).take, (this.kinds[kind] as Kind).take);
  }

  private kindOf(take: NamelessTake, counted: boolean): number {
    const { kinds } = this;
    for (let i = 0; i < kinds.length; i++) {
      const kind = kinds[i] as Kind;
      if (kind.counted === counted && (kind.take === take || isSameKind(kind.take, take))) return i;
    }
    return kinds.push({ take, counted, ticks: take.cost * take.scale.ticksPerToken }) - 1;
  }
}

const isSameScale = ({ scale: a }: NamelessTake, { scale: b }: NamelessTake): boolean =>
  a === b || (a.ticksPerToken === b.ticksPerToken && a.ticksPerMicro === b.ticksPerMicro);

const isSameKind = (a: NamelessTake, b: NamelessTake): boolean =>
  a.cost === b.cost && a.allowance === b.allowance && isSameScale(a, b);
