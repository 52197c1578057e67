// Four limits on one request.
import { better, bothWays } from '../lib/better.mjs';
import { loadTable } from '../lib/load-table.mjs';
import { loadInTurns, withContenders } from '../lib/side-by-side.mjs';
import { ratios } from '../lib/statistics.mjs';
import { column } from '../lib/turns.mjs';
import { FLEXIBLE, flexible, OURS, ours } from './contenders.mjs';
import { latencies, latencyTable } from './interleaved.mjs';

const FOUR = 'four buckets of its own';
const SHARED = 'global, route, tenant, user';
const TITLES = { one: 'one limit', four: FOUR, shared: SHARED, flexible: `${FLEXIBLE}, one limit` };

const contenders = [
  ours,
  { title: FOUR, module: 'ours', name: 'four' },
  { title: SHARED, module: 'ours', name: 'shared' },
  ...bothWays(flexible),
];

/** @param {import('../lib/turns.mjs').Effort} effort */
export async function four(effort) {
  const loaded = await withContenders(contenders, (open) => loadInTurns(open, 256, effort));
  const alone = await latencies(Object.keys(TITLES), effort);
  const cpu = (title) => column(loaded.get(title), 'cpu');
  const p50 = (name) => column(alone.get(name), 'p50');
  const peer = better(loaded, FLEXIBLE);
  return {
    tables: [
      loadTable('Four limits on one request, 256 in flight', loaded, OURS),
      latencyTable('Four limits on one request, one in flight', alone, TITLES),
    ],
    figures: {
      'four.own': ratios(cpu(FOUR), cpu(OURS)),
      'four.shared': ratios(cpu(SHARED), cpu(OURS)),
      'four.own.flexible': ratios(cpu(FOUR), cpu(peer)),
      'four.shared.flexible': ratios(cpu(SHARED), cpu(peer)),
      'four.own.alone': ratios(p50('four'), p50('one')),
      'four.shared.alone': ratios(p50('shared'), p50('one')),
    },
  };
}
