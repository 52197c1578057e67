// Moves slots from one master of a cluster to another, as `redis-cli --cluster reshard` does: while a slot is on its way the
// source answers ASK for keys that it has no more, and afterwards MOVED.
import { setTimeout as sleep } from 'node:timers/promises';
import { command, list } from './raw.js';
import type { RedisServer } from './server.js';

const KEYS_AT_ONCE = 10;
const MIGRATE_WITHIN_MS = 1000;

export interface Reshard {
  readonly slots: readonly number[];
  readonly from: RedisServer;
  readonly to: RedisServer;
  /** The other masters, which are told too, so that nobody has to ask them twice. */
  readonly others?: readonly RedisServer[];
  /** How long each slot stays half moved: its keys have gone, and the source still owns it. */
  readonly lingerMs?: number;
}

/** Answers how many keys were moved. */
export async function reshard(move: Reshard): Promise<number> {
  const ids = await Promise.all([move.from, move.to].map(({ port }) => command(port, 'CLUSTER', 'MYID')));
  let keys = 0;
  for (const slot of move.slots) keys += await moveSlot(String(slot), move, ids as [string, string]);
  return keys;
}

async function moveSlot(slot: string, move: Reshard, [source, target]: [string, string]): Promise<number> {
  const { from, to, others = [], lingerMs = 0 } = move;
  await command(to.port, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', source);
  await command(from.port, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', target);
  const moved = await moveKeys(slot, from, to);
  if (lingerMs > 0) await sleep(lingerMs);
  // The target first: were it the source, both would send a client to the other for a moment.
  for (const { port } of [to, from, ...others]) {
    await command(port, 'CLUSTER', 'SETSLOT', slot, 'NODE', target);
  }
  return moved;
}

async function moveKeys(slot: string, from: RedisServer, to: RedisServer): Promise<number> {
  for (let moved = 0; ; ) {
    const keys = await list(from.port, 'CLUSTER', 'GETKEYSINSLOT', slot, String(KEYS_AT_ONCE));
    if (keys.length === 0) return moved;
    const address = ['127.0.0.1', String(to.port), '', '0', String(MIGRATE_WITHIN_MS)];
    await command(from.port, 'MIGRATE', ...address, 'KEYS', ...keys);
    moved += keys.length;
  }
}
