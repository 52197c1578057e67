import { headroom, type Seat } from './outbound-entry.js';

export interface Picked {
  readonly index: number;
  /** What has decided among those that fit. */
  readonly by: 'nothing' | 'wait' | 'preference' | 'room' | 'index';
}

/** The one to take: the soonest, then the preferred, then the one with most left, then the first. */
export function preferred(seats: readonly Seat[], prefer: number | undefined): Picked | undefined {
  const fitting = [...seats.keys()].filter((index) => seats[index]!.fits);
  const soonest = best(fitting, (index) => -seats[index]!.look.wait);
  const roomiest = best(soonest, (index) => roomOf(seats[index]!));
  const index = roomiest[0];
  if (index === undefined) return undefined;
  if (fitting.length === 1) return { index, by: 'nothing' };
  if (soonest.length === 1) return { index, by: 'wait' };
  if (prefer !== undefined && soonest.includes(prefer)) return { index: prefer, by: 'preference' };
  return { index, by: roomiest.length === 1 ? 'room' : 'index' };
}

function roomOf({ look: { entry, level, block } }: Seat): bigint {
  return block > 0n ? 0n : headroom(entry.policy, level);
}

/** All for which the score is the largest. */
function best(indexes: readonly number[], scoreOf: (index: number) => bigint): number[] {
  return indexes.filter((index) => indexes.every((other) => scoreOf(other) <= scoreOf(index)));
}
