// A number of calls that are always under way: when one is answered, the next is made.
import { setImmediate as eventLoop } from 'node:timers/promises';
import { inspect } from 'node:util';
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
 * @param {{ count: number, inFlight: number, breathe?: number }} options `breathe`: after how many calls each loop lets
 *   the event loop have its turn, where what is answered at once would never let it
 * @returns {Promise<{ client: number, server: number, cpu: number, perSecond: number, seconds: number,
 *   p50: number, p99: number }>}
 *   microseconds of CPU per call, calls per second, latencies in microseconds
 */
export async function closedLoop(subject, { count, inFlight, breathe = Infinity }) {
  const { call, expected = () => true, servers } = subject;
  const latencies = [];
  let next = 0;
  let unexpected = 0;
  let firstUnexpected;
  const loop = async () => {
    for (let made = 1; next < count; made++) {
      const index = next++;
      const start = index % TIMED === 0 ? performance.now() : 0;
      let result;
      try {
        result = await call(index);
      } catch (error) {
        result = error; // an answer too: one of the peers refuses with it
      }
      if (start > 0) latencies.push(performance.now() - start);
      if (!expected(result) && unexpected++ === 0) firstUnexpected = result;
      if (made % breathe === 0) await eventLoop();
    }
  };
  const there = await cpuOf(servers);
  const [here, start] = [cpuHere(), performance.now()];
  await Promise.all(Array.from({ length: inFlight }, loop));
  const seconds = (performance.now() - start) / 1000;
  const client = (cpuHere() - here) / count;
  const server = ((await cpuOf(servers)) - there) / count;
  if (unexpected > 0)
    throw new Error(
      `${unexpected} of ${count} calls were not answered as expected: ${inspect(firstUnexpected)}`,
    );
  const [p50, p99] = [0.5, 0.99].map((share) => quantile(latencies, share) * 1000);
  return { client, server, cpu: client + server, perSecond: count / seconds, seconds, p50, p99 };
}
