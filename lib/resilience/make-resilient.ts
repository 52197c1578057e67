import { type Clock, monotonicClock } from '../stores/memory/clock.js';
import { MemoryStore } from '../stores/memory/memory.store.js';
import type { OnStoreError, Store, Transaction, TransactionReply } from '../stores/store.interface.js';
import { Debts } from './debts.js';
import { Fallback } from './fallback.js';
import { LateReplies } from './late-replies.js';
import type { NodeGate } from './node-gate.js';
import { Repayment } from './repayment.js';
import { ResilientStore } from './resilient.store.js';
import type { StoreHealth } from './store-health.js';

/** A store behind a gate, which can be asked whether it decides. */
export interface ProbedStore extends Store {
  /** Rejects where a take of this bucket, or of one beside it, would fail now. */
  probe(key: string): Promise<void>;
}

export interface ResilienceOptions {
  readonly storeTimeoutMs: number;
  readonly onStoreError: OnStoreError;
  readonly fallbackInstances: number;
  /** The most buckets of this process. */
  readonly maxKeys: number;
  readonly clock?: Clock;
}

/** After how long a caller that was denied should try again. */
const RETRY_MICROS = 1_000_000;

/** What decides in time, whatever becomes of the store. */
export function makeResilient(
  store: ProbedStore,
  gate: NodeGate,
  health: StoreHealth,
  options: ResilienceOptions,
): ResilientStore {
  const { storeTimeoutMs: timeoutMs, onStoreError, fallbackInstances: instances, maxKeys } = options;
  const local = new MemoryStore({ maxKeys, clock: sinceEpoch(options.clock ?? monotonicClock) });
  const debts = new Debts(local, maxKeys);
  const fallback = new Fallback(local, debts, { onStoreError, instances, retryMicros: RETRY_MICROS });
  gate.probeWith((key) => store.probe(key));
  const lateReplies = new LateReplies(store, debts);
  const onLate = (late: readonly Transaction[], replies: readonly TransactionReply[]) =>
    lateReplies.note(late, replies, new Map(), health.state === 'closed');
  const repayment = new Repayment(store, debts, { timeoutMs, onLate });
  const stop = health.onChange(({ state }) => {
    if (state === 'open') return;
    lateReplies.giveAllBack();
    void repayment.payAll();
  });
  gate.onStop(stop);
  return new ResilientStore({
    store,
    gate,
    local,
    fallback,
    debts,
    repayment,
    lateReplies,
    health,
    timeoutMs,
  });
}

/** A clock that never steps, near the server's: places in a line of both are compared. */
function sinceEpoch(clock: Clock): Clock {
  const origin = Math.floor(Date.now() * 1000) - clock();
  return () => origin + clock();
}
