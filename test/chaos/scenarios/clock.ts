// A clock that steps, told to the server. Each taker has keys of its own, for what one tells the other could overtake: that would
// be a clock that jumps to and fro.
import { setTimeout as sleep } from 'node:timers/promises';
import { startRedis } from '../../support/redis/server.js';
import { Run } from '../run.js';
import type { Scenario } from './scenario.js';

const [SECOND, HOUR] = [1_000_000, 3_600_000_000];
const STEPS: readonly [string, number][] = [
  ['two seconds forward', 2 * SECOND],
  ['two seconds back', -2 * SECOND],
  ['an hour forward', HOUR],
  ['an hour back', -HOUR],
];

export const clockSteps: Scenario = {
  name: 'clock',
  inShort: false,
  async run({ seed }) {
    const server = await startRedis();
    const { host, port } = server;
    const run = await Run.start({
      redis: (taker) => ({ kind: 'client', major: taker % 2 === 1 ? 5 : 6, options: { host, port } }),
      portOf: async () => port,
      seed,
      hasClock: true,
      keys: ['a', 'b', 'c', 'd'],
      keysOf: (taker) => ['abcd'.charAt(taker)],
    });
    try {
      for (const [name, micros] of STEPS) {
        await run.fault(name, async () => {
          await run.step(micros);
          await sleep(2000);
        });
      }
      return await run.finish();
    } catch (error) {
      await run.abandon();
      throw error;
    } finally {
      await server.stop();
    }
  },
};
