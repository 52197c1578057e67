import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { LeasedStore } from '../leases/leased.store.js';
import type { ParsedOptions } from '../options/parse-options.js';
import { KnownRefusals } from '../refusals/known-refusals.js';
import { LocalRefusals } from '../refusals/local-refusals.store.js';
import { RefusalWatch } from '../refusals/refusal-watch.js';
import { GatedStore } from '../resilience/gated.store.js';
import { makeResilient, type ProbedStore } from '../resilience/make-resilient.js';
import { NodeGate } from '../resilience/node-gate.js';
import { reconnectSooner } from '../resilience/reconnect.js';
import type { StoreHealth } from '../resilience/store-health.js';
import { watchConnection } from '../resilience/watch-connection.js';
import { BatchingStore } from '../stores/batching.store.js';
import type { Clock } from '../stores/memory/clock.js';
import { MemoryStore } from '../stores/memory/memory.store.js';
import { ClusterStore } from '../stores/redis/cluster.store.js';
import { openRedis } from '../stores/redis/open-redis.js';
import { RedisStore } from '../stores/redis/redis.store.js';
import type { Store } from '../stores/store.interface.js';
import { logKeyFailures } from './store-log.js';

/** How often a node that does not answer is asked whether it does. */
const PROBE_MS = 250;

/** The boot waits so long for the first answer, so that the first requests find a connection. It goes on without one. */
const BOOT_MS = 500;

/** The store that the options ask for. One that can fail never makes a decision wait beyond its deadline. */
export async function openStore(options: ParsedOptions, clock: Clock, health: StoreHealth): Promise<Store> {
  const { store, redis, maxKeys, storeTimeoutMs: timeoutMs } = options;
  if (store === undefined && redis === undefined) return new MemoryStore({ maxKeys, clock });
  const onKeyFailure = logKeyFailures(new Logger('RateLimitModule'));
  const gate = new NodeGate(health, { timeoutMs, probeMs: PROBE_MS, onKeyFailure });
  const gated = store === undefined ? await openOnRedis(options, gate, health) : new GatedStore(store, gate);
  await Promise.race([
    gated.probe('{boot}').catch(() => undefined),
    sleep(BOOT_MS, undefined, { ref: false }),
  ]);
  const resilient = makeResilient(gated, gate, health, { ...options, clock });
  const { refusalCacheMs: maxAgeMs } = options;
  const canLease = store === undefined || store.lease !== undefined;
  const above = (behind: Store) =>
    canLease
      ? new LeasedStore(inBatches(gated, behind, timeoutMs), { timeoutMs })
      : inBatches(gated, behind, timeoutMs);
  if (maxAgeMs === 0) return above(resilient);
  const known = new KnownRefusals({ maxAgeMs, maxKeys });
  return new LocalRefusals(above(new RefusalWatch(resilient, known)), known);
}

/** Redis decides many calls with one script; on a Cluster those of one master. */
function inBatches(gated: Store, store: Store, timeoutMs: number): Store {
  if (gated instanceof RedisStore) return new BatchingStore(store, { timeoutMs });
  if (!(gated instanceof ClusterStore)) return store;
  return new BatchingStore(store, { timeoutMs, lineOf: (transactions) => gated.lineOf(transactions) });
}

async function openOnRedis(
  { redis, prefix, partitions, crossSlot, storeTimeoutMs }: ParsedOptions,
  gate: NodeGate,
  health: StoreHealth,
): Promise<ProbedStore> {
  const calls = { prefix, partitions, crossSlot, gate, timeoutMs: storeTimeoutMs };
  const opened = await openRedis(redis as NonNullable<typeof redis>, calls, (trouble) =>
    gate.lost('', trouble),
  );
  gate.onStop(watchConnection(opened.client, gate));
  const isOurs = redis?.kind === 'connect';
  gate.onStop(reconnectSooner(opened.client, health, { timeoutMs: storeTimeoutMs, isOurs }));
  return opened.store;
}
