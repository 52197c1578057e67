// One call at a time: nothing to batch, so nothing to win, and nothing may be lost.
import { ratios } from '../lib/statistics.mjs';
import { column } from '../lib/turns.mjs';
import { FLEXIBLE, OURS } from './contenders.mjs';
import { latencies, latencyTable } from './interleaved.mjs';

const TITLES = { one: OURS, flexible: FLEXIBLE, bare: 'a bare EVALSHA of TIME, GET and SET' };

/** @param {import('../lib/turns.mjs').Effort} effort */
export async function one(effort) {
  const results = await latencies(Object.keys(TITLES), effort);
  const p50 = (name) => column(results.get(name), 'p50');
  return {
    tables: [latencyTable('One in flight, calls interleaved one by one', results, TITLES)],
    figures: {
      'one.flexible': ratios(p50('one'), p50('flexible')),
      'one.bare': ratios(p50('one'), p50('bare')),
    },
  };
}
