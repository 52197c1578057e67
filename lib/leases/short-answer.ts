import type { NamelessTake } from '../algorithms/kernel.js';
import { withHold } from '../algorithms/lease-holds.js';
import type { Found } from '../algorithms/level.js';
import { retryAfterMs } from '../algorithms/reading.js';
import type { LeaseState } from '../stores/store.interface.js';

const ALONE = { wait: 0, margin: 0 };

/** An answer of the store that granted less than was wanted: nothing more was free. */
export class ShortAnswer {
  private readonly found: Found;
  private readonly decidedAt: number;
  /** The last that was asked for: most cost the same. */
  private known: { readonly allowance: number; readonly at: number } | undefined;

  /** `until`: when the store may be asked again, in milliseconds of `performance.now()`. */
  constructor(
    { found, decidedAt }: LeaseState,
    id: string,
    readonly until: number,
  ) {
    this.decidedAt = decidedAt;
    this.found =
      found.leased === undefined
        ? found
        : { ...found, leased: settledAt(found.leased, id, until - decidedAt) };
  }

  /** When a take that is refused now would be admitted, were it alone; infinity: never. */
  admits(take: NamelessTake): number {
    if (this.known?.allowance !== take.allowance) {
      const wait = retryAfterMs(take, this.found, ALONE) ?? Number.POSITIVE_INFINITY;
      this.known = { allowance: take.allowance, at: Math.max(this.until, this.decidedAt + wait) };
    }
    return this.known.at;
  }
}

/** What this process holds joins the level when it asks again, and not only when it expires. */
function settledAt(
  leased: NonNullable<Found['leased']>,
  id: string,
  afterMs: number,
): NonNullable<Found['leased']> {
  const { holds = [], at } = leased;
  const own = holds.find((hold) => hold.id === id);
  if (own === undefined) return leased;
  const others = holds.filter((hold) => hold !== own);
  return {
    ...leased,
    holds: withHold(others, { ...own, expires: at + Math.max(1, Math.ceil(afterMs * 1000)) }),
  };
}
