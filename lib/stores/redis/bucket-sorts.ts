import type { NamelessTake } from '../../algorithms/kernel.js';
import type { Scale } from '../../algorithms/ticks.js';
import type { PlainTake } from '../store.interface.js';

/** A bucket as `take.lua` is told of it, without its name. */
interface Sort {
  readonly scale: Scale;
  /** The ticks that all of its takes come to. */
  readonly total: number;
  /** Up to this level they are all admitted, in whatever order; negative: they have to be decided one by one. */
  readonly room: number;
}

/** More are not told apart: of a batch, buckets that would need another are decided one by one. */
export const MOST_SORTS = 64;

/**
 * Buckets that differ in nothing but their names. Where all takes of a batch fit, whatever order they are decided in, the
 * script needs no more of a bucket than its sort, and most are of few.
 */
export class BucketSorts {
  private readonly sorts: Sort[] = [];
  private readonly codes: number[] = [];

  /** The next bucket. */
  add(sort: Sort): void {
    this.codes.push(this.sortOf(sort) + 1);
  }

  /** Of each bucket its sort, as a character; nothing where there is only one. */
  get text(): string {
    return this.sorts.length === 1 ? '' : String.fromCharCode(...this.codes);
  }

  args(): string[][] {
    return this.sorts.map(sortArgs);
  }

  /** All that the script is told of one transaction that is not counted: of each bucket its one take was added. */
  argsOfOne(): string[] {
    const [first, ...others] = this.args() as [string[], ...string[][]];
    if (others.length === 0) return first;
    return [...first, '', this.text, String(others.length), '0', ...others.flat()];
  }

  private sortOf(added: Sort): number {
    const { sorts } = this;
    const { scale, total, room } = added;
    for (let i = 0; i < sorts.length; i++) {
      const sort = sorts[i] as Sort;
      if (sort.total === total && sort.room === room && isSame(sort.scale, scale)) return i;
    }
    if (sorts.length >= MOST_SORTS && room >= 0) return this.sortOf({ scale, total: 0, room: -1 });
    return sorts.push(added) - 1;
  }
}

/** The sort of a bucket that one take comes to. What only looks, or can never be admitted, takes nothing. */
export function sortOfOne({ scale, cost, allowance }: NamelessTake, peek: boolean): Sort {
  const total = peek || allowance < 0 ? 0 : cost * scale.ticksPerToken;
  return { scale, total, room: allowance };
}

/** All that the script is told of one take that is not counted, as on an idle line. */
export const argsOfOne = (take: NamelessTake, peek: boolean): string[] => sortArgs(sortOfOne(take, peek));

/** The same of a take that is one of few: its arguments are worked out once. */
export function argsOfPlain(take: PlainTake): readonly string[] {
  let args = known.get(take);
  if (args === undefined) {
    args = argsOfOne(take, false);
    known.set(take, args);
  }
  return args;
}

/** What looks at two buckets in several slots, before the name of the second. */
export const LOOK_AT_TWO: readonly string[] = ['1 1', '1', '0', '0', '', '', '0', '1'];

const known = new WeakMap<PlainTake, readonly string[]>();

function sortArgs({ scale, total, room }: Sort): string[] {
  const { ticksPerMicro: n, ticksPerToken: p } = scale;
  return [`${n} ${p}`, String(n), String(room), String(total)];
}

const isSame = (a: Scale, b: Scale): boolean =>
  a === b || (a.ticksPerToken === b.ticksPerToken && a.ticksPerMicro === b.ticksPerMicro);
