import { median } from './statistics.mjs';
import { column } from './turns.mjs';

/** How a peer's title says that its client has `enableAutoPipelining`. */
export const PIPELINED = ', auto-pipelining';

/** Of what a turn says, what is better where it is more. */
const MORE_IS_BETTER = new Set(['perSecond']);

/**
 * A peer is measured both with and without auto-pipelining of its client; the form that is better in a figure is the peer.
 * @param {Map<string, object[]>} results turns by title
 * @param {string} peer its title without auto-pipelining
 * @param {string} [name] of the figure
 * @returns {string} the title of the better one
 */
export function better(results, peer, name = 'cpu') {
  const value = (title) => median(column(results.get(title), name));
  const sign = MORE_IS_BETTER.has(name) ? -1 : 1;
  const pipelined = peer + PIPELINED;
  return results.has(pipelined) && sign * (value(pipelined) - value(peer)) < 0 ? pipelined : peer;
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
