// Moves slots as Valkey does by itself since 9.0: the target receives a copy of them with all that is written meanwhile, and then takes
// them over in one moment. No client is sent after a single key.
import type { RedisCluster } from './cluster.js';
import { command, list } from './raw.js';
import type { RedisServer } from './server.js';
import { untilTrue } from './together.js';

const WITHIN_MS = 10_000;

export async function canMigrateSlots({ port }: RedisServer): Promise<boolean> {
  const help = await list(port, 'CLUSTER', 'HELP');
  return help.some((line) => line.startsWith('MIGRATESLOTS'));
}

export async function migrateSlots(
  cluster: RedisCluster,
  slots: readonly number[],
  from: RedisServer,
  to: RedisServer,
): Promise<void> {
  const target = await command(to.port, 'CLUSTER', 'MYID');
  const ranges = slots.flatMap((slot) => [String(slot), String(slot)]);
  await command(from.port, 'CLUSTER', 'MIGRATESLOTS', 'SLOTSRANGE', ...ranges, 'NODE', target);
  await untilTrue(`slots ${slots} were taken over`, WITHIN_MS, async () => {
    const owners = await Promise.all(slots.map((slot) => cluster.ownerOf(slot)));
    return owners.every((owner) => owner === to);
  });
}
