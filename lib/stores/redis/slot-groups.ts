import type { Take } from '../../algorithms/kernel.js';
import { RateLimitError } from '../../errors/rate-limit.error.js';
import type { TransactionReply } from '../store.interface.js';

/** The takes of a transaction that live in one slot, with their places in it. */
export interface SlotGroup {
  readonly takes: Take[];
  readonly places: number[];
}

/** The replies of the slots as that of the whole transaction. */
export function combine(
  groups: readonly SlotGroup[],
  replies: readonly TransactionReply[],
): TransactionReply {
  const admitted = replies.every((reply) => reply.admitted);
  const places = groups.flatMap((group) => group.places);
  const inOrder = <T>(values: readonly T[]): T[] => {
    const ordered: T[] = [];
    for (const [i, value] of values.entries()) ordered[places[i] as number] = value;
    return ordered;
  };
  return {
    admitted,
    source: 'redis',
    now: Math.max(...replies.map(({ now }) => now)),
    decidedAt: Math.max(...replies.map(({ decidedAt }) => decidedAt)),
    found: inOrder(replies.flatMap(({ found }) => found)),
    charged: admitted ? [...places.keys()] : [],
    marks: admitted ? inOrder(replies.flatMap(({ marks }) => marks)) : [],
    changes: admitted ? replies.flatMap(({ changes }) => changes) : [],
  };
}

/** Buckets that wait come last: a place in a line that others have joined cannot be given back. */
export function groupBySlot(takes: readonly Take[], slotOf: (key: string) => number): SlotGroup[] {
  const groups = new Map<number, SlotGroup>();
  takes.forEach((take, place) => {
    const slot = slotOf(take.key);
    const group = groups.get(slot) ?? { takes: [], places: [] };
    group.takes.push(take);
    group.places.push(place);
    groups.set(slot, group);
  });
  return [...groups.values()].sort((a, b) => Number(shapes(a)) - Number(shapes(b)));
}

export function checkSharedStart(groups: readonly SlotGroup[]): void {
  const [first, second] = groups.filter(shapes);
  if (first && second) throw twoStarts(first, second);
}

const shapes = (group: SlotGroup): boolean => group.takes.some(({ startLevel }) => startLevel !== undefined);

/** A place in a line cannot be moved to the start that a line in another slot imposes. */
function twoStarts(first: SlotGroup, second: SlotGroup): RateLimitError {
  const [a, b] = [first, second].map(
    (group) => group.takes.find(({ startLevel }) => startLevel !== undefined)?.key,
  );
  return new RateLimitError(
    'CLUSTER_SHAPING',
    `${a} and ${b} shape one request and live in different slots of the cluster; give both policies one key, or meter with one of them: shape: false`,
  );
}

/** Only a script that sees all of them can tell which is the best, and one slot says nothing of another. */
export function pickedApart(groups: readonly SlotGroup[]): RateLimitError {
  const [a, b] = groups.map((group) => group.takes[0]?.key);
  return new RateLimitError(
    'CLUSTER_PICK',
    `${a} and ${b} are to be picked from and live in different slots of the cluster; give the requests one key, and each a policy of its own`,
  );
}

/** The places of slots, by line. */
export function placesByLine(slots: readonly number[], lineOf: (slot: number) => string): number[][] {
  const lines = new Map<string, number[]>();
  for (const [place, slot] of slots.entries()) {
    const line = lineOf(slot);
    const places = lines.get(line);
    if (places === undefined) lines.set(line, [place]);
    else places.push(place);
  }
  return [...lines.values()];
}
