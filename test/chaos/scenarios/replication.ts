// How a master is made to die so that what replication has lost can be read, bucket by bucket.
import { setTimeout as sleep } from 'node:timers/promises';
import { command } from '../../support/redis/raw.js';
import type { RedisServer } from '../../support/redis/server.js';

/** Longer than any failover takes: by then the server is dead. */
const PAUSE_MS = 60_000;

/** From here on nothing reaches the replicas; a while later the master has what nobody else has. */
export async function cutOffReplicas({ port }: RedisServer): Promise<void> {
  await command(port, 'ACL', 'SETUSER', 'default', '-psync', '-sync');
  await command(port, 'CLIENT', 'KILL', 'TYPE', 'REPLICA');
  await sleep(200);
}

/** From here on nothing is taken any more, and what was taken can be read at leisure. */
export async function stopWrites({ port }: RedisServer): Promise<void> {
  await command(port, 'CLIENT', 'PAUSE', String(PAUSE_MS), 'WRITE');
}
