// Our own stores keep the contract that is published for those who write one.
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { storeContract } from 'nestjs-floodgate/testing';
import { MemoryStore } from '../../lib/stores/memory/memory.store.js';
import { ClusterStore } from '../../lib/stores/redis/cluster.store.js';
import { RedisStore } from '../../lib/stores/redis/redis.store.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import { closeClients, connect, connectCluster } from '../support/redis/clients.js';
import { type RedisCluster, startCluster } from '../support/redis/cluster.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';

let server: RedisServer;
let cluster: RedisCluster;
let client: ReturnType<typeof connect>;
let clusterClient: ReturnType<typeof connectCluster>;

beforeAll(async () => {
  [server, cluster] = await Promise.all([startRedis(), startCluster()]);
  client = connect(server.url);
  clusterClient = connectCluster(cluster.nodes);
});

afterAll(async () => {
  await closeClients();
  await Promise.all([server.stop(), cluster.stop()]);
});

const prefix = () => freshPrefix('contract');

describe('in memory', () => {
  const contract = storeContract({ create: (clock) => new MemoryStore({ maxKeys: 100, clock }) });
  for (const { title, run } of contract) it(title, run);
});

describe('on Redis', () => {
  const contract = storeContract({ create: (clock) => new RedisStore(client, { prefix: prefix(), clock }) });
  for (const { title, run } of contract) it(title, run);
});

describe('on a Redis Cluster, of the buckets of one key', () => {
  const contract = storeContract({
    create: (clock) => new ClusterStore(new RedisStore(clusterClient, { prefix: prefix(), clock })),
    operations: 50,
  });
  for (const { title, run } of contract) it(title, run);
});
