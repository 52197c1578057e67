// A master that is killed again and again, and replaced by one of its replicas.
import { setTimeout as sleep } from 'node:timers/promises';
import { command } from '../../support/redis/raw.js';
import { type SentinelGroup, startSentinelGroup } from '../../support/redis/sentinel.js';
import type { RedisServer } from '../../support/redis/server.js';
import { readLevels } from '../buckets.js';
import { type Outcome, Run } from '../run.js';
import type { RedisConfig } from '../taker/config.js';
import { cutOffReplicas, stopWrites } from './replication.js';
import type { Scenario } from './scenario.js';

export const sentinel: Scenario = {
  name: 'sentinel',
  inShort: false,
  async run({ seed, times }) {
    const group = await startSentinelGroup({ replicas: 2 });
    try {
      return await runOn(group, seed, times);
    } finally {
      await group.stop();
    }
  },
};

async function runOn(group: SentinelGroup, seed: number, times: number): Promise<Outcome> {
  const portOf = async () => (await group.master()).port;
  const run = await Run.start({ redis: (taker) => clientOf(group, taker), portOf, seed });
  try {
    for (let i = 0; i < times; i++) {
      let old: RedisServer | undefined;
      // Every second one finds replicas that have fallen behind.
      const action = async () => {
        old = await failover(run, group, i % 2 === 1);
      };
      await run.fault('failover', action, { mayRepeat: true });
      await group.revive(old!);
      const count = group.failovers();
      // What is lost by one that nobody has watched cannot be told.
      if (count !== i + 1)
        throw new Error(`Sentinels have replaced a master that was not dead:\n${group.log()}`);
    }
    return await run.finish();
  } catch (error) {
    await run.abandon();
    throw error;
  }
}

async function failover(run: Run, group: SentinelGroup, fallsBehind: boolean): Promise<RedisServer> {
  const master = await group.master();
  const replicas = group.servers.filter((server) => server !== master);
  if (fallsBehind) await cutOffReplicas(master);
  await stopWrites(master);
  const had = await readLevels(master.port, run.prefix, run.buckets);
  const replaced = group.failover();
  await sleep(50);
  const kept = await Promise.all(
    replicas.map(async ({ port }) => ({
      port,
      ...(await readLevels(port, run.prefix, run.buckets, had.at)),
    })),
  );
  const { from, to } = await replaced;
  run.noteLosses(had.levels, kept.find(({ port }) => port === to.port)!.levels);
  await command(to.port, 'PING');
  return from;
}

function clientOf({ sentinels, name }: SentinelGroup, taker: number): RedisConfig {
  const options = { sentinels, name };
  if (taker === 0) return { kind: 'own', options };
  return { kind: 'client', major: taker % 2 === 1 ? 5 : 6, options };
}
