// What is given back where nobody can tell whether the store has done it.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { algorithms } from '../../../lib/algorithms/index.js';
import type { Limit } from '../../../lib/algorithms/limit.js';
import { tokenBucket } from '../../../lib/options/make-policy.js';
import { GatedStore } from '../../../lib/resilience/gated.store.js';
import { makeResilient } from '../../../lib/resilience/make-resilient.js';
import { NodeGate } from '../../../lib/resilience/node-gate.js';
import type { ResilientStore } from '../../../lib/resilience/resilient.store.js';
import { StoreHealth } from '../../../lib/resilience/store-health.js';
import { MemoryStore } from '../../../lib/stores/memory/memory.store.js';
import type { Store } from '../../../lib/stores/store.interface.js';
import { eventually } from '../../support/eventually.js';

const quota = tokenBucket({ capacity: 20, rate: '1/365d' }).limit as Limit;
const take = (cost: number) => ({ takes: [algorithms['token-bucket'](quota, 'a', cost)] });

// Long enough for a busy machine: what is given back too late is not given back again.
const TIMEOUT_MS = 100;
let there: MemoryStore;
let gate: NodeGate;
let health: StoreHealth;
let store: ResilientStore;
let lateMs: number;

/** Does at once what it is asked for, and says so later. */
const slow = (target: MemoryStore) =>
  new Proxy(target as Store, {
    get:
      (_, method: keyof MemoryStore) =>
      async (...args: never[]) => {
        const answer = (target[method] as (...args: never[]) => unknown)(...args);
        if (method !== 'inspect') await sleep(lateMs);
        return answer;
      },
  });

beforeEach(() => {
  lateMs = 0;
  there = new MemoryStore({ maxKeys: 10 });
  health = new StoreHealth();
  gate = new NodeGate(health, { timeoutMs: TIMEOUT_MS, probeMs: 1000, onKeyFailure: () => undefined });
  store = makeResilient(new GatedStore(slow(there), gate), gate, health, {
    storeTimeoutMs: TIMEOUT_MS,
    onStoreError: 'memory',
    fallbackInstances: 1,
    maxKeys: 10,
  });
});
afterEach(() => store.close());

const isClosed = () => eventually(() => health.state === 'closed', 'the store decides');
const missing = () => {
  const { record } = there.inspect(['a'])[0]!;
  // What is given back is less by what may have drained meanwhile: far less than a token.
  return record === undefined ? 0 : Math.round(record.level / record.ticksPerToken);
};

it('a refund that the store may have done is not done here as well', async () => {
  there.decide([take(5)]);
  gate.lost('', 'gone');
  await store.decide([take(5)]);
  lateMs = 3 * TIMEOUT_MS;
  gate.ready('');
  await isClosed();
  // What is owed is being paid: both are done, and told of too late.
  await expect(store.refund('a', 5)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  await sleep(2 * lateMs);
  lateMs = 0;
  gate.ready('');
  await isClosed();
  await eventually(() => missing() <= 5, 'what was paid twice is given back');
  await sleep(2 * TIMEOUT_MS);
  expect(missing()).toBe(5);
});

it('what was taken here is given back here, while the store is not asked', async () => {
  gate.lost('', 'gone');
  await store.decide([take(5)]);
  expect(await store.refund('a', 2)).toBe(true);
  gate.ready('');
  await isClosed();
  await eventually(() => missing() === 3, 'the rest is paid');
});
