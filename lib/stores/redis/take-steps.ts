import type { NamelessTake, Take } from '../../algorithms/kernel.js';
import { BucketsByPolicy, partsOf } from '../buckets-by-policy.js';
import { isPlain } from '../plain.js';
import { PlainCall } from '../plain-call.js';
import type { Transaction } from '../store.interface.js';

/** Steps are written in characters below 128, for in UTF-8 each of these is a byte; places with two of them. */
const BASE = 128;
const MOST = BASE - 1;
const MOST_KEYS = 1000;

/** A step of the first bucket, of the first kind. */
const STEP_OF_ONE = String.fromCharCode(1, 1, 1, 0, 1);
const LOOK_AT_ONE = String.fromCharCode(1, 0, 1, 0, 1);

/** What `TakeSteps` comes to for a transaction of one take, as on an idle line. */
export const argsOfOne = (take: NamelessTake, counted: boolean, peek: boolean): string[] => [
  peek || !takesFrom(take) ? LOOK_AT_ONE : STEP_OF_ONE,
  ...kindArgs(take, counted),
];

/** The same of a call, whose take is one of few: its arguments are worked out once. */
export function argsOfCall({ take, counted }: PlainCall): readonly string[] {
  if (counted) return argsOfOne(take, true, false);
  let args = known.get(take);
  if (args === undefined) {
    args = argsOfOne(take, false, false);
    known.set(take, args);
  }
  return args;
}

const known = new WeakMap<NamelessTake, readonly string[]>();

function kindArgs({ scale, allowance, cost }: NamelessTake, counted: boolean): string[] {
  const { ticksPerMicro: n, ticksPerToken: p } = scale;
  return [`${n} ${p}`, String(n), String(allowance), String(cost * p), counted ? '1' : '0'];
}

/** Takes that differ in nothing but their buckets. */
interface Kind {
  readonly take: NamelessTake;
  readonly counted: boolean;
}

/**
 * Transactions as `take.lua` is told of them: each bucket once, each kind of take once, and steps that say which kind comes
 * to which bucket. Takes of one kind that follow each other in a bucket are one step that is repeated.
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
  /** Of each bucket: where in `codes` its newest step is, if that is of this bucket alone. */
  private readonly lastStep: number[] = [];

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

  get text(): string {
    return String.fromCharCode(...this.codes);
  }

  kindArgs(): string[] {
    return this.kinds.flatMap(({ take, counted }) => kindArgs(take, counted));
  }

  /** What nearly all are: its bucket is named only where it is the first that comes to it. */
  private addCall(call: PlainCall): boolean {
    const { take, key, counted } = call;
    const kind = this.kindOf(take, counted);
    const known = this.indexes.get(take.policy, key);
    if (known !== undefined) return this.addTo(known, kind, !takesFrom(take));
    this.indexes.set(take.policy, key, this.keys.length);
    this.open(call.name, kind, takesFrom(take) ? 1 : 0);
    return true;
  }

  private add({ takes, peek = false, counted = false }: Transaction): boolean {
    const only = takes.length === 1 ? (takes[0] as Take) : undefined;
    // What takes nothing is not decided there: the level that is found says all.
    const isNothing = peek || (only === undefined ? !takes.every(isPossible) : !takesFrom(only));
    return only === undefined
      ? this.addStack(takes, counted, isNothing)
      : this.addOne(only, counted, isNothing);
  }

  private addOne(take: Take, counted: boolean, isNothing: boolean): boolean {
    const kind = this.kindOf(take, counted);
    const known = this.placeOf(take);
    if (known !== undefined) return this.addTo(known, kind, isNothing);
    this.note(take);
    this.open(take.key, kind, isNothing ? 0 : 1);
    return true;
  }

  private addTo(known: number, kind: number, isNothing: boolean): boolean {
    this.places.push(known);
    if (!this.isOfScale(known, kind)) return false;
    if (!isNothing && !this.repeats(known, kind)) this.push(known, kind, 1);
    return true;
  }

  private addStack(takes: readonly Take[], counted: boolean, isNothing: boolean): boolean {
    if (takes.length > MOST) return false;
    const step: number[] = [takes.length, 1];
    for (const take of takes) {
      const kind = this.kindOf(take, counted);
      const known = this.placeOf(take);
      if (known === undefined) this.note(take);
      const place = known ?? this.keys.length;
      if (known !== undefined) this.places.push(known);
      else if (isNothing) this.open(take.key, kind, 0);
      else this.name(take.key, kind);
      if (!this.isOfScale(place, kind)) return false;
      this.lastStep[place] = isNothing ? (this.lastStep[place] as number) : -1;
      step.push(kind + 1, (place + 1) >> 7, (place + 1) % BASE);
    }
    if (!isNothing) for (const code of step) this.codes.push(code);
    return true;
  }

  private placeOf({ key }: Take): number | undefined {
    return this.indexes.get(...partsOf(key));
  }

  /** The next bucket is that of a take. */
  private note({ key }: Take): void {
    this.indexes.set(...partsOf(key), this.keys.length);
  }

  /** A bucket that nobody has asked for yet, with its first step. */
  private open(key: string, kind: number, times: number): void {
    this.name(key, kind);
    this.push(this.keys.length - 1, kind, times);
  }

  private name(key: string, kind: number): void {
    this.places.push(this.keys.length);
    this.keys.push(key);
    this.firstKind.push(kind);
    this.lastStep.push(-1);
  }

  private push(place: number, kind: number, times: number): void {
    this.lastStep[place] = this.codes.length;
    this.codes.push(1, times, kind + 1, (place + 1) >> 7, (place + 1) % BASE);
  }

  private repeats(place: number, kind: number): boolean {
    const { codes } = this;
    const step = this.lastStep[place] as number;
    if (step < 0 || codes[step + 2] !== kind + 1 || codes[step + 1] === MOST) return false;
    codes[step + 1] = (codes[step + 1] as number) + 1;
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
    return kinds.push({ take, counted }) - 1;
  }
}

const isSameScale = ({ scale: a }: NamelessTake, { scale: b }: NamelessTake): boolean =>
  a === b || (a.ticksPerToken === b.ticksPerToken && a.ticksPerMicro === b.ticksPerMicro);

const isSameKind = (a: NamelessTake, b: NamelessTake): boolean =>
  a.cost === b.cost && a.allowance === b.allowance && isSameScale(a, b);

const isPossible = ({ allowance }: NamelessTake): boolean => allowance >= 0;

const takesFrom = ({ cost, allowance }: NamelessTake): boolean => cost > 0 && allowance >= 0;
