// One server, which is away at boot, freezes and dies; clients of both majors with the options that ioredis gives them, and one
// that the module opens itself.
import { setTimeout as sleep } from 'node:timers/promises';
import { type RedisServer, startRedis } from '../../support/redis/server.js';
import { type Outcome, Run } from '../run.js';
import type { Address, RedisConfig } from '../taker/config.js';
import type { Scenario, ScenarioOptions } from './scenario.js';

export const standalone: Scenario = {
  name: 'standalone',
  inShort: true,
  async run(options) {
    const server = await startRedis();
    try {
      return await runOn(server, options);
    } finally {
      await server.stop();
    }
  },
};

async function runOn(server: RedisServer, { seed, isShort, times }: ScenarioOptions): Promise<Outcome> {
  await server.kill();
  const run = await Run.start({ redis: clientsOf(server), portOf: async () => server.port, seed });
  try {
    await run.fault('down at boot', async () => {
      await sleep(2000);
      await server.start();
    });
    const rounds = isShort ? 1 : Math.ceil(times / 4);
    for (let round = 0; round < rounds; round++) await freezeAndKill(run, server, isShort ? 2500 : 5000);
    return await run.finish();
  } catch (error) {
    await run.abandon();
    throw error;
  }
}

async function freezeAndKill(run: Run, server: RedisServer, milliseconds: number): Promise<void> {
  await run.fault('freeze and thaw', async () => {
    server.pause();
    await sleep(milliseconds);
    server.resume();
  });
  await run.fault('kill, restart empty', async () => {
    await run.losing(async () => {
      await server.kill();
      await sleep(milliseconds);
    });
    await server.start();
  });
}

/** One that the module opens, and clients of the application with default options, but for those that are given. */
export const clientsOf =
  ({ host, port }: Address, more: Record<string, unknown> = {}) =>
  (taker: number): RedisConfig => {
    const options = { host, port };
    if (taker === 0) return { kind: 'own', options };
    return { kind: 'client', major: taker % 2 === 1 ? 5 : 6, options: { ...options, ...more } };
  };
