import { Cluster as Cluster6, Redis as Redis6 } from 'ioredis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5';
import type { RateLimitModuleOptions } from 'nestjs-floodgate';
import type { RedisConfig } from './config.js';

export interface OpenedRedis {
  readonly redis: NonNullable<RateLimitModuleOptions['redis']>;
  close(): void;
}

/** Clients of the application have the options that ioredis gives them: so has whoever thinks of nothing. */
export function openRedis(config: RedisConfig): OpenedRedis {
  if (config.kind === 'own') return { redis: config.options, close: () => undefined };
  const client = config.kind === 'client' ? openClient(config) : openCluster(config);
  // Without a listener ioredis prints every attempt to connect that fails.
  client.on('error', () => undefined);
  return { redis: client, close: () => client.disconnect() };
}

function openClient({ major, options }: RedisConfig & { kind: 'client' }): Redis6 {
  return major === 5 ? (new Redis5(options) as unknown as Redis6) : new Redis6(options);
}

function openCluster({ major, nodes }: RedisConfig & { kind: 'cluster' }): Cluster6 {
  return major === 5 ? (new Cluster5([...nodes]) as unknown as Cluster6) : new Cluster6([...nodes]);
}
