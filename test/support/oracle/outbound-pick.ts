import { headroom, type Seat } from './outbound-entry.js';

/** The one to take: the soonest, then the preferred, then the one with most left, then the first. */
export function preferred(seats: readonly Seat[], prefer: number | undefined): number | undefined {
  const fitting = [...seats.keys()].filter((index) => seats[index]!.fits);
  const soonest = best(fitting, (index) => -seats[index]!.look.wait);
  if (prefer !== undefined && soonest.includes(prefer)) return prefer;
  return best(soonest, (index) => roomOf(seats[index]!))[0];
}

function roomOf({ look: { entry, level, block } }: Seat): bigint {
  return block > 0n ? 0n : headroom(entry.policy, level);
}

/** All for which the score is the largest. */
function best(indexes: readonly number[], scoreOf: (index: number) => bigint): number[] {
  return indexes.filter((index) => indexes.every((other) => scoreOf(other) <= scoreOf(index)));
}
