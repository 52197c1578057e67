// A Cluster for a spec file, and services whose decisions go to it in batches.
import { afterAll, afterEach, beforeAll, beforeEach, jest } from '@jest/globals';
import {
  type Decision,
  RateLimiterService,
  type RateLimitModuleOptions,
  tokenBucket,
} from '../../../lib/index.js';
import { bootApp, closeApps } from '../app.js';
import { eventually } from '../eventually.js';
import { freshPrefix } from '../fresh-prefix.js';
import { closeClients, connectCluster5, connectCluster6 } from './clients.js';
import { type RedisCluster, startCluster } from './cluster.js';
import { command } from './raw.js';

export const quota = tokenBucket({ name: 'quota', capacity: 10, rate: '1/365d' });
export const other = tokenBucket({ name: 'other', capacity: 10, rate: '1/365d' });
export const many = tokenBucket({ name: 'many', capacity: 100_000, rate: '1/1d' });
export const KEYS: readonly string[] = Array.from({ length: 60 }, (_, i) => `key-${i}`);

type Client = ReturnType<typeof connectCluster6>;

export class ClusterUnderTest {
  cluster!: RedisCluster;
  /** Another for each test. */
  prefix!: string;

  readonly open5 = (options = {}) => connectCluster5(this.cluster.nodes, options) as unknown as Client;
  readonly open6 = (options = {}) => connectCluster6(this.cluster.nodes, options);

  /** A service that all masters have answered. */
  async boot(client: Client, options: RateLimitModuleOptions = {}) {
    const policies = [quota, other, many];
    const usual = { redis: client, prefix: this.prefix, policies, fullest: false };
    const { app } = await bootApp({ rateLimit: { ...usual, ...options } });
    const service = app.get(RateLimiterService);
    for (const key of KEYS) await service.consume(other, `warm-${key}`);
    return { app, service };
  }

  /** Until each master has been seen to refuse what it does not serve. */
  async tryOut(service: RateLimiterService): Promise<void> {
    const warm = KEYS.map((key) => `warm-${key}`);
    const ask = () => Promise.all(warm.map((key) => service.peek(other, key)));
    await eventually(
      async () => Math.max(...(await this.scriptsOf(ask))) === 1,
      'each master is asked with one call',
    );
  }

  /** Of each master: how many scripts it has run since, and how often something was there to be read. */
  async ranSince(act: () => Promise<unknown>): Promise<{ scripts: number; reads: number }[]> {
    const { nodes } = this.cluster;
    await Promise.all(nodes.map(({ port }) => command(port, 'CONFIG', 'RESETSTAT')));
    await act();
    const told = nodes.map(({ port }) => command(port, 'INFO', 'all'));
    return (await Promise.all(told)).map((text) => {
      const calls = [...text.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)];
      return {
        scripts: calls.reduce((sum, [, count]) => sum + Number(count), 0),
        reads: Number(/total_reads_processed:(\d+)/.exec(text)?.[1]),
      };
    });
  }

  async scriptsOf(act: () => Promise<unknown>): Promise<number[]> {
    return (await this.ranSince(act)).map(({ scripts }) => scripts);
  }
}

export const askAll = (service: RateLimiterService, keys: readonly string[] = KEYS): Promise<Decision[]> =>
  Promise.all(keys.map((key) => service.consume(quota, key)));

/** Starts three masters for all tests of a spec file. */
export function useCluster(): ClusterUnderTest {
  const used = new ClusterUnderTest();
  beforeAll(async () => {
    used.cluster = await startCluster();
  });
  beforeEach(() => {
    used.prefix = freshPrefix('cluster-batch');
  });
  afterEach(async () => {
    await closeApps();
    await closeClients();
    jest.restoreAllMocks();
  });
  afterAll(() => used.cluster.stop());
  return used;
}
