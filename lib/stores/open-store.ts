import type { Clock } from './memory/clock.js';
import { MemoryStore } from './memory/memory.store.js';
import { ClusterStore } from './redis/cluster.store.js';
import { connect } from './redis/connect.js';
import { RedisStore } from './redis/redis.store.js';
import type { RedisClient } from './redis/redis-client.js';
import type { Store } from './store.interface.js';

export interface StoreOptions {
  /** One of the application's own. */
  readonly store?: Store | undefined;
  readonly redis:
    | { readonly kind: 'client'; readonly client: RedisClient }
    | { readonly kind: 'connect'; readonly to: string | object }
    | undefined;
  readonly prefix: string;
  readonly maxKeys: number;
}

/** The store that the options ask for. Only a client that is opened here is closed with it. */
export async function openStore(
  options: StoreOptions,
  clock: Clock,
  onTrouble: (message: string) => void,
): Promise<Store> {
  const { store, redis, prefix, maxKeys } = options;
  if (store !== undefined) return store;
  if (redis === undefined) return new MemoryStore({ maxKeys, clock });
  if (redis.kind === 'client') return onRedis(redis.client, new RedisStore(redis.client, { prefix }));
  const { client, close } = await connect(redis.to, onTrouble);
  return onRedis(client, new RedisStore(client, { prefix, close }));
}

const onRedis = (client: RedisClient, store: RedisStore): Store =>
  client.isCluster === true ? new ClusterStore(store) : store;
