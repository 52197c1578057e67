// Latencies call by call, in one process on one server.
import { withSpread } from '../lib/cells.mjs';
import { Child } from '../lib/child.mjs';
import { startRedis } from '../lib/redis.mjs';
import { median } from '../lib/statistics.mjs';

const WARM_UP = 5000;

/** Calls of each subject per millisecond of a turn: a call takes about 0.1 ms. */
const CALLS_PER_MS = 4;

/**
 * @param {readonly string[]} names of `subjects/one-in-flight.mjs`
 * @param {import('../lib/turns.mjs').Effort} effort
 * @returns {Promise<Map<string, { p50: number, p99: number }[]>>} of each turn, in microseconds, by name
 */
export async function latencies(names, { turns, ms, progress }) {
  const server = await startRedis();
  const child = await Child.start('one-in-flight', 'together', { urls: [server.url], names });
  try {
    await child.ask('measure', { count: WARM_UP, first: 0 });
    const count = Math.round(CALLS_PER_MS * ms);
    const results = new Map(names.map((name) => [name, []]));
    for (let turn = 0; turn < turns; turn++) {
      progress(`one in flight, turn ${turn + 1} of ${turns}`);
      const measured = await child.ask('measure', { count, first: turn * count });
      for (const name of names) results.get(name).push(measured[name]);
    }
    return results;
  } finally {
    await child.stop();
    await server.stop();
  }
}

/** @param {Record<string, string>} titles of the names */
export function latencyTable(title, results, titles) {
  const cells = (turns) => ['p50', 'p99'].map((key) => withSpread(turns.map((turn) => turn[key])));
  const rows = [...results].map(([name, turns]) => [titles[name], ...cells(turns)]);
  return { title, head: ['', 'p50 µs', 'p99 µs'], rows };
}

export const medianOf = (results, name) => median(results.get(name).map(({ p50 }) => p50));
