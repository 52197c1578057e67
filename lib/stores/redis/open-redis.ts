import { ClusterStore } from './cluster.store.js';
import { connect } from './connect.js';
import { RedisStore, type RedisStoreOptions } from './redis.store.js';
import type { RedisClient } from './redis-client.js';

/** A client, or how one is opened. */
export type RedisOption =
  | { readonly kind: 'client'; readonly client: RedisClient }
  | { readonly kind: 'connect'; readonly to: string | object };

/** What a store on Redis has besides. */
export interface OpenedRedis {
  readonly store: RedisStore | ClusterStore;
  readonly client: RedisClient;
}

export type RedisCallOptions = Pick<
  RedisStoreOptions,
  'prefix' | 'partitions' | 'crossSlot' | 'gate' | 'timeoutMs'
>;

/**
 * A store on a client of the application's, or on one that is opened here: only that is closed with it.
 * @throws RateLimitError `IOREDIS_MISSING`
 */
export async function openRedis(
  redis: RedisOption,
  options: RedisCallOptions,
  onTrouble: (message: string) => void,
): Promise<OpenedRedis> {
  if (redis.kind === 'client') return onClient(redis.client, options);
  const { client, close } = await connect(redis.to, onTrouble);
  return onClient(client, { ...options, close });
}

function onClient(client: RedisClient, options: RedisStoreOptions): OpenedRedis {
  const store = new RedisStore(client, options);
  return { store: client.isCluster === true ? new ClusterStore(store) : store, client };
}
