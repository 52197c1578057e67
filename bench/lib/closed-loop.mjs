// A number of calls that are always under way: when one is answered, the next is made.
import { cpuHere, cpuOf } from './cpu.mjs';
import { quantile } from './statistics.mjs';

/** Of how many calls one is timed. To time each would cost a fast one more than it is worth. */
const TIMED = 8;

/**
 * @typedef {object} Subject
 * @property {(index: number) => Promise<unknown>} call one decision; which key it is about follows from the index
 * @property {(result: unknown) => boolean} [expected] whether the call did what the row is about
 * @property {readonly import('ioredis').Redis[]} servers connections of ours, to the servers whose CPU counts
 *
 * @param {Subject} subject
 * @param {{ count: number, inFlight: number }} options
 * @returns {Promise<{ client: number, server: number, cpu: number, perSecond: number, p50: number, p99: number }>}
 *   microseconds of CPU per call, calls per second, latencies in microseconds
 */
export async function closedLoop(subject, { count, inFlight }) {
  const { call, expected = () => true, servers } = subject;
  const latencies = [];
  let next = 0;
  let unexpected = 0;
  const timed = async (index) => {
    const start = performance.now();
    const result = await call(index);
    latencies.push(performance.now() - start);
    return result;
  };
  const loop = async () => {
    while (next < count) {
      const index = next++;
      const result = await (index % TIMED === 0 ? timed(index) : call(index));
      if (!expected(result)) unexpected++;
    }
  };
  const there = await cpuOf(servers);
  const [here, start] = [cpuHere(), performance.now()];
  await Promise.all(Array.from({ length: inFlight }, loop));
  const seconds = (performance.now() - start) / 1000;
  const client = (cpuHere() - here) / count;
  const server = ((await cpuOf(servers)) - there) / count;
  if (unexpected > 0) throw new Error(`${unexpected} of ${count} calls were not answered as expected`);
  const [p50, p99] = [0.5, 0.99].map((share) => quantile(latencies, share) * 1000);
  return { client, server, cpu: client + server, perSecond: count / seconds, p50, p99 };
}
