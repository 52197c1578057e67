// How long one call holds the server, as the server itself has it.
import { Redis } from 'ioredis';
import { digits } from '../lib/cells.mjs';
import { withContenders } from '../lib/side-by-side.mjs';
import { spread } from '../lib/statistics.mjs';
import { FLEXIBLE, flexible, having, OURS, ours } from './contenders.mjs';

/** A load as in the other rows, and one in which everything comes at once. */
const LOADS = [256, 5000];
const PERCENTILES = ['50', '99', '99.9', '100'];

/** @param {import('../lib/turns.mjs').Effort} effort */
export async function blocking(effort) {
  return withContenders(having([ours, flexible], { keys: 5000 }), async (open) => {
    const rows = [];
    const figures = {};
    for (const inFlight of LOADS) {
      for (const [title, contender] of open) {
        const turns = await held(contender, inFlight, effort);
        const at = (name) => spread(turns.map((turn) => turn[name]));
        rows.push([`${title}, ${inFlight} in flight`, ...PERCENTILES.map((p) => digits(at(p).median))]);
        if (title === OURS) figures[`blocking.${inFlight}`] = inMilliseconds(at('99'));
      }
    }
    const head = ['', ...PERCENTILES.map((p) => (p === '100' ? 'longest, µs' : `p${p} µs`))];
    const title = `How long a call of a script holds the server (${FLEXIBLE}: one decision in each call)`;
    return { tables: [{ title, head, rows }], figures };
  });
}

/** Of each turn the percentiles of what a script took, in microseconds. */
async function held(contender, inFlight, { turns, ms, progress }) {
  const admin = new Redis(contender.servers[0].url);
  try {
    await admin.config('SET', 'latency-tracking-info-percentiles', PERCENTILES.join(' '));
    const results = [];
    // The first turn looks how many calls there are in one, and is not told.
    for (let turn = 0; turn <= turns; turn++) {
      progress(`${contender.title}, ${inFlight} in flight, turn ${turn} of ${turns}`);
      await admin.config('RESETSTAT');
      await contender.turn(inFlight, ms);
      if (turn > 0) results.push(percentilesIn(await admin.info('latencystats')));
    }
    return results;
  } finally {
    admin.disconnect();
  }
}

/** `latency_percentiles_usec_evalsha:p50=22.015,p99=61.183,…`. Once in a while a script is sent as a text: not in most turns. */
function percentilesIn(info) {
  const [, line] = /^latency_percentiles_usec_(?:evalsha|fcall):(.*)$/m.exec(info);
  return Object.fromEntries(
    [...line.matchAll(/p([\d.]+)=([\d.]+)/g)].map(([, p, value]) => [p, Number(value)]),
  );
}

const inMilliseconds = ({ median, low, high, count }) => ({
  median: median / 1000,
  low: low / 1000,
  high: high / 1000,
  count,
});
