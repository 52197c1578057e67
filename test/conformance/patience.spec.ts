import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { leakyBucket, tokenBucket } from '../../lib/options/make-policy.js';
import { MemoryStore } from '../../lib/stores/memory/memory.store.js';
import { RedisStore } from '../../lib/stores/redis/redis.store.js';
import type { Store } from '../../lib/stores/store.interface.js';
import { effort } from '../support/effort.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import { ask } from '../support/limits.js';
import { ManualClock } from '../support/manual-clock.js';
import { Random } from '../support/oracle/scenario.js';
import { closeClients, connect } from '../support/redis/clients.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';

const START = Date.UTC(2100, 0) * 1000;
const [WAITS, WAITS_ON_REDIS] = [effort(3000, 100_000), effort(500, 2000)];
const rates = ['3/s', '7/day', '999/s', '1000000/s'];

/** A client that is alone and waits exactly as told: how often it was refused after all. */
async function falseRefusals(store: Store, clock: ManualClock, rate: string, waits: number): Promise<number> {
  const random = new Random(7);
  const policies = [
    tokenBucket({ capacity: 5, rate }),
    leakyBucket({ capacity: 5, rate, shape: false }),
    leakyBucket({ capacity: 5, rate }),
    leakyBucket({ capacity: 5, rate, maxWaitMs: 1 }),
  ];
  const { take } = ask(store);
  let refusals = 0;
  for (let waited = 0; waited < waits; ) {
    const policy = random.pick(policies);
    const cost = 1 + random.below(5);
    clock.now += random.below(3);
    const refused = await take(policy, `${rate}-${policies.indexOf(policy)}`, cost);
    if (refused.allowed) continue;
    waited++;
    clock.now += refused.retryAfterMs! * 1000;
    if (!(await take(policy, refused.key, cost)).allowed) refusals++;
  }
  return refusals;
}

describe('a lone client that waits exactly retryAfterMs is admitted', () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await startRedis();
  });

  afterAll(async () => {
    await closeClients();
    await server.stop();
  });

  it.each(rates)(`${WAITS} times in a row at %s, in memory`, async (rate) => {
    const clock = new ManualClock(START);
    const store = new MemoryStore({ maxKeys: 100, clock: clock.read });
    expect(await falseRefusals(store, clock, rate, WAITS)).toBe(0);
  });

  it.each(rates)(`${WAITS_ON_REDIS} times in a row at %s, on Redis`, async (rate) => {
    const clock = new ManualClock(START);
    const store = new RedisStore(connect(server.url), { prefix: freshPrefix('patience'), clock: clock.read });
    expect(await falseRefusals(store, clock, rate, WAITS_ON_REDIS)).toBe(0);
  });
});
