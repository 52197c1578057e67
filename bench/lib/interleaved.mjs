// Calls of several subjects in one process, one by one: what slows the machine for a moment slows all alike.
import { quantile } from './statistics.mjs';

/**
 * @param {Record<string, (index: number) => Promise<unknown>>} calls
 * @param {{ count: number, first: number }} options calls of each, and the index of the first
 * @returns {Promise<Record<string, { p50: number, p99: number }>>} latencies in microseconds
 */
export async function interleaved(calls, { count, first }) {
  const names = Object.keys(calls);
  const latencies = names.map(() => []);
  for (let index = 0; index < count; index++) {
    for (let turn = 0; turn < names.length; turn++) {
      // Who goes first changes, and so who finds the caches as its own call has left them.
      const which = (index + turn) % names.length;
      const call = calls[names[which]];
      const start = performance.now();
      await call(first + index);
      latencies[which].push(performance.now() - start);
    }
  }
  const percentiles = (values) => ({ p50: quantile(values, 0.5) * 1000, p99: quantile(values, 0.99) * 1000 });
  return Object.fromEntries(names.map((name, which) => [name, percentiles(latencies[which])]));
}
