// A cluster of three masters, with keys over all slots.
import { better, bothWays } from '../lib/better.mjs';
import { loadTable } from '../lib/load-table.mjs';
import { loadInTurns, withContenders } from '../lib/side-by-side.mjs';
import { ratios } from '../lib/statistics.mjs';
import { column } from '../lib/turns.mjs';
import { FLEXIBLE, flexible, OURS, ours } from './contenders.mjs';

/** A few for each master: as many calls of a script in each turn. */
const PARTITIONS = 12;
const PARTITIONED = `${OURS}, ${PARTITIONS} partitions`;

const contenders = [
  ours,
  { ...ours, title: PARTITIONED, setup: { options: { partitions: PARTITIONS } } },
  ...bothWays(flexible),
].map((contender) => ({ ...contender, servers: 'cluster' }));

/** @param {import('../lib/turns.mjs').Effort} effort */
export async function cluster(effort) {
  const results = await withContenders(contenders, async (open) => {
    const loaded = await loadInTurns(open, 256, effort);
    const tags = await open.get(PARTITIONED).child.ask('hashTags');
    if (tags > PARTITIONS) throw new Error(`${PARTITIONS} partitions have made ${tags} hash tags`);
    return loaded;
  });
  const peer = better(results, FLEXIBLE);
  const beside = (title) => ratios(column(results.get(title), 'cpu'), column(results.get(peer), 'cpu'));
  return {
    tables: [loadTable('Cluster of 3 masters, 256 in flight, 1,000 keys', results, peer)],
    figures: { 'cluster.cpu': beside(OURS), 'cluster.partitions': beside(PARTITIONED) },
  };
}
