import { afterAll, beforeAll, jest } from '@jest/globals';
import type { INestApplicationContext } from '@nestjs/common';
import { MemoryStore } from '../../lib/stores/memory/memory.store.js';
import type { PlainQueue } from '../../lib/stores/plain-call.js';
import { RedisStore } from '../../lib/stores/redis/redis.store.js';
import type { PlainDecider, Store } from '../../lib/stores/store.interface.js';
import { freshPrefix } from './fresh-prefix.js';
import type { ManualClock } from './manual-clock.js';
import { closeClients, connect } from './redis/clients.js';
import { type RedisServer, startRedis } from './redis/server.js';

export interface Stores {
  readonly names: readonly ['memory', 'Redis'];
  /** An empty store whose time is that of the clock. */
  make(name: string, clock: ManualClock): Store;
  /** A client of the Redis server that these tests have for themselves. */
  client(): ReturnType<typeof connect>;
  /** Another, for what a test itself does there. */
  admin(): ReturnType<typeof connect>;
}

/** The stores that a suite runs on; the server starts before its tests and ends after them. */
export function useStores(): Stores {
  let server: RedisServer;
  // One for all stores: in some suites they are hundreds.
  let shared: ReturnType<typeof connect>;
  beforeAll(async () => {
    server = await startRedis();
    shared = client();
  });
  afterAll(async () => {
    await closeClients();
    await server.stop();
  });
  const client = () => connect(server.url);
  return {
    names: ['memory', 'Redis'],
    client,
    admin: () => connect(server.adminUrl),
    make(name, clock) {
      return name === 'memory'
        ? new MemoryStore({ maxKeys: 1000, clock: clock.read })
        : new RedisStore(shared, { prefix: freshPrefix('suite'), clock: clock.read });
    },
  };
}

/** Counts the calls with which an application asks its store for decisions from now on. */
export function spyOnStore(app: INestApplicationContext): () => number {
  const store = app.get<Store & Partial<PlainDecider & PlainQueue>>(Symbol.for('nestjs-floodgate.store'));
  const decide = jest.spyOn(store, 'decide');
  // Most are decided in one of these ways: in memory at once, on Redis later. What they leave goes by the other.
  const plain = store.decidePlain && jest.spyOn(store as PlainDecider, 'decidePlain');
  const queue = store.enqueue && jest.spyOn(store as PlainQueue, 'enqueue');
  const isTaken = ({ value }: { value: unknown }) => typeof value === 'number' || value === true;
  const taken = (spy: typeof plain | typeof queue) => spy?.mock.results.filter(isTaken).length ?? 0;
  return () => decide.mock.calls.length + taken(plain) + taken(queue);
}
