import { median } from './statistics.mjs';
import { column } from './turns.mjs';

/** How a peer's title says that its client has `enableAutoPipelining`. */
export const PIPELINED = ', auto-pipelining';

/**
 * A peer is measured both with and without auto-pipelining of its client; the one that needs less CPU is the peer.
 * @param {Map<string, { cpu: number }[]>} results by title
 * @param {string} peer its title without auto-pipelining
 * @returns {string} the title of the better one
 */
export function better(results, peer) {
  const cpu = (title) => median(column(results.get(title), 'cpu'));
  const pipelined = peer + PIPELINED;
  return results.has(pipelined) && cpu(pipelined) < cpu(peer) ? pipelined : peer;
}

/** A peer in both forms. */
export const bothWays = (contender) => [
  contender,
  {
    ...contender,
    title: contender.title + PIPELINED,
    setup: { ...contender.setup, autoPipelining: true },
  },
];
