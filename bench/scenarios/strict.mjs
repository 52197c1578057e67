// Strict Redis: every decision is made by the server.
import { better } from '../lib/better.mjs';
import { loadTable } from '../lib/load-table.mjs';
import { loadInTurns, withContenders } from '../lib/side-by-side.mjs';
import { ratios } from '../lib/statistics.mjs';
import { column } from '../lib/turns.mjs';
import { FLEXIBLE, floors, OURS, ours, peers } from './contenders.mjs';

const LOADS = [256, 16];

/** @param {import('../lib/turns.mjs').Effort} effort */
export async function strict(effort) {
  return withContenders([ours, ...peers, ...floors], async (open) => {
    const tables = [];
    const figures = {};
    for (const inFlight of LOADS) {
      const results = await loadInTurns(open, inFlight, effort);
      const title = `Strict Redis, ${inFlight} in flight, 1,000 keys`;
      tables.push(loadTable(title, results, better(results, FLEXIBLE)));
      const beside = (name) =>
        ratios(column(results.get(OURS), name), column(results.get(better(results, FLEXIBLE, name)), name));
      figures[`strict.cpu.${inFlight}`] = beside('cpu');
      figures[`strict.throughput.${inFlight}`] = beside('perSecond');
      figures[`strict.p99.${inFlight}`] = beside('p99');
    }
    return { tables, figures };
  });
}
