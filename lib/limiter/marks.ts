import type { Mark } from '../algorithms/record.js';
import type { Decision } from './decision.js';

const marks = new WeakMap<Decision, Mark>();

/** Lets a decision remember where its take stands in the count of the bucket: a report of it is then no riddle. */
export function withMark(decision: Decision, mark: Mark | undefined): Decision {
  if (mark !== undefined) marks.set(decision, mark);
  return decision;
}

/** Undefined for a decision that took nothing, or that was copied. */
export function markOf(decision: Decision): Mark | undefined {
  return marks.get(decision);
}
