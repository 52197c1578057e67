import { GOALS, isMet } from '../goals.mjs';
import { digits } from './cells.mjs';

/**
 * Each figure beside its goal.
 * @param {readonly { figures: Record<string, { median: number, low: number, high: number }> }[]} outcomes
 */
export function goalsTable(outcomes) {
  const figures = outcomes.flatMap(({ figures }) => Object.entries(figures));
  const rows = figures
    .filter(([name]) => name in GOALS)
    .map(([name, { median, low, high }]) => {
      const goal = GOALS[name];
      const bound = goal.most === undefined ? `≥ ${digits(goal.least)}` : `≤ ${digits(goal.most)}`;
      const spread = low === undefined ? '' : `${digits(low)}–${digits(high)}`;
      return [goal.what, bound, digits(median), spread, isMet(goal, median) ? 'met' : 'MISSED'];
    });
  return { title: 'Goals', head: ['', 'goal', 'measured', 'quartiles', ''], rows };
}
