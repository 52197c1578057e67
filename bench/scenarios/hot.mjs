// Everybody asks for one key.
import { better } from '../lib/better.mjs';
import { loadTable } from '../lib/load-table.mjs';
import { loadInTurns, withContenders } from '../lib/side-by-side.mjs';
import { ratios } from '../lib/statistics.mjs';
import { column } from '../lib/turns.mjs';
import { FLEXIBLE, having, OURS, ours, peers } from './contenders.mjs';

/** @param {import('../lib/turns.mjs').Effort} effort */
export async function hot(effort) {
  return withContenders(having([ours, ...peers], { keys: 1 }), async (open) => {
    const results = await loadInTurns(open, 256, effort);
    const peer = better(results, FLEXIBLE);
    const cpu = ratios(column(results.get(OURS), 'cpu'), column(results.get(peer), 'cpu'));
    const tables = [loadTable('One hot key, 256 in flight', results, peer)];
    return { tables, figures: { 'hot.cpu': cpu } };
  });
}
