import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MemoryStore } from '../../lib/stores/memory/memory.store.js';
import { RedisStore } from '../../lib/stores/redis/redis.store.js';
import type { Store } from '../../lib/stores/store.interface.js';
import { KernelStore } from '../../lib/testing/kernel.store.js';
import { effort } from '../support/effort.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import { ManualClock } from '../support/manual-clock.js';
import { runDifferential } from '../support/oracle/differential.js';
import { scenarioPolicies } from '../support/oracle/scenario.js';
import { closeClients, connect } from '../support/redis/clients.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';
import { subject } from '../support/subjects.js';

const OPERATIONS = Number(process.env.FLOODGATE_OPERATIONS ?? effort(40_000, 2_000_000));
const TIMEOUT = 60_000 + OPERATIONS;
const SEED = Number(process.env.FLOODGATE_SEED ?? 20_260_101);

describe('decisions are those of an independent oracle in exact rationals', () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await startRedis();
  });

  afterAll(async () => {
    await closeClients();
    await server.stop();
  });

  it(
    'of the kernel, in memory, and on Redis with the time of each operation given to the script',
    async () => {
      const clock = new ManualClock(0);
      const client = connect(server.url, { enableAutoPipelining: true });
      const stores: Record<string, Store> = {
        kernel: new KernelStore(clock.read),
        memory: new MemoryStore({ maxKeys: 1_000_000, clock: clock.read }),
        Redis: new RedisStore(client, { prefix: freshPrefix('conformance'), clock: clock.read }),
      };
      const policies = scenarioPolicies(SEED);
      const subjects = Object.fromEntries(
        Object.entries(stores).map(([name, store]) => [name, subject(store, clock, policies)]),
      );
      const run = { seed: SEED, operations: OPERATIONS, batch: 1000 };
      const coverage = await runDifferential(subjects, run);
      // The run is worth its time only if everything that can happen did.
      for (const [what, times] of Object.entries(coverage)) expect([what, times > 20]).toEqual([what, true]);
    },
    TIMEOUT,
  );
});
