// Slots of a real Cluster that move from master to master while decisions go to it in batches.
import { expect, it, jest } from '@jest/globals';
import slotOf from 'cluster-key-slot';
import { eventually } from '../support/eventually.js';
import { canMigrateSlots, migrateSlots } from '../support/redis/migrate-slots.js';
import { command } from '../support/redis/raw.js';
import { reshard } from '../support/redis/reshard.js';
import type { RedisServer } from '../support/redis/server.js';
import { askAll, type ClusterUnderTest, KEYS, many, useCluster } from '../support/redis/use-cluster.js';

const used = useCluster();

it('a slot that has moved is found, and the others of its call are decided once', async () => {
  const { service } = await used.boot(used.open6());
  await used.tryOut(service);
  await askAll(service);
  const [from, to, ...others] = used.cluster.nodes;
  const slots = KEYS.map((key) => slotOf(`{${key}}`))
    .filter((slot) => slot < 16_384 / 3)
    .slice(0, 3);
  expect(await reshard({ slots, from: from!, to: to!, others })).toBeGreaterThanOrEqual(3);
  try {
    const decisions = await askAll(service);
    expect(decisions.map(({ remaining, source }) => [remaining, source])).toEqual(
      KEYS.map(() => [8, 'redis']),
    );
  } finally {
    await reshard({ slots, from: to!, to: from!, others });
  }
});

it('slots that are half moved are decided where their keys are, and no bucket is there twice', async () => {
  const { service } = await used.boot(used.open6());
  await used.tryOut(service);
  await askAll(service);
  const [from, to, ...others] = used.cluster.nodes;
  const keysThere = KEYS.filter((key) => slotOf(`{${key}}`) < 16_384 / 3);
  const [gone, stays] = keysThere as [string, string];
  const ids = await Promise.all([from!, to!].map(({ port }) => command(port, 'CLUSTER', 'MYID')));
  const slots = [gone, stays].map((key) => slotOf(`{${key}}`));
  for (const slot of slots.map(String)) {
    await command(to!.port, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', ids[0]!);
    await command(from!.port, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', ids[1]!);
  }
  const name = (key: string) => `${used.prefix}:quota:{${key}}`;
  const target = ['127.0.0.1', String(to!.port), name(gone), '0', '1000'];
  await command(from!.port, 'MIGRATE', ...target);
  try {
    // Sent where the first is, the other would be begun anew.
    const two = await askAll(service, [gone, stays]);
    expect(two.map(({ remaining, source }) => [remaining, source])).toEqual([
      [8, 'redis'],
      [8, 'redis'],
    ]);
    const rest = KEYS.filter((key) => key !== gone && key !== stays);
    const all = await askAll(service, [gone, stays, ...rest]);
    expect(all.map(({ remaining, source }) => [remaining, source])).toEqual(
      KEYS.map((_, i) => [i < 2 ? 7 : 8, 'redis']),
    );
    const held = await command(to!.port, 'CLUSTER', 'COUNTKEYSINSLOT', String(slots[1]));
    expect(Number(held)).toBe(0);
  } finally {
    await reshard({ slots, from: from!, to: to!, others });
    await reshard({ slots, from: to!, to: from!, others });
  }
});

/** Moves a slot as this server can. */
type Way = (slot: number, from: RedisServer, to: RedisServer) => Promise<unknown>;

async function ways({ cluster }: ClusterUnderTest): Promise<Way[]> {
  const keyByKey: Way = (slot, from, to) => {
    const others = cluster.nodes.filter((node) => node !== from && node !== to);
    return reshard({ slots: [slot], from, to, others, lingerMs: 20 });
  };
  const atOnce: Way = (slot, from, to) => migrateSlots(cluster, [slot], from, to);
  return (await canMigrateSlots(cluster.nodes[0]!)) ? [keyByKey, atOnce] : [keyByKey];
}

it('each take counts once, wherever slots are on their way while it is decided', async () => {
  const client = used.open6();
  const { service } = await used.boot(client);
  await used.tryOut(service);
  const calls = client.nodes('master').map((node) => jest.spyOn(node, 'evalsha'));
  const counts = () => calls.map((spy) => spy.mock.calls.length);
  const isAskedWithOneCall = async () => {
    const before = counts();
    const isAsked = () => counts().every((count, i) => count > before[i]!);
    await eventually(isAsked, 'one call decides what a master serves');
  };
  const [from, to] = used.cluster.nodes as [RedisServer, RedisServer];
  const slots = KEYS.map((key) => slotOf(`{${key}}`)).filter((slot) => slot < 16_384 / 3);
  let isMoving = true;
  let asked = 0;
  const load = async () => {
    while (isMoving) {
      asked++;
      const decisions = await Promise.all(KEYS.map((key) => service.consume(many, key)));
      expect(new Set(decisions.map(({ source }) => source))).toEqual(new Set(['redis']));
    }
  };
  const loads = Promise.all([load(), load(), load()]);
  for (const move of await ways(used)) {
    for (const slot of slots.slice(0, 2)) {
      await isAskedWithOneCall();
      await move(slot, from, to);
      await isAskedWithOneCall();
      await move(slot, to, from);
    }
  }
  isMoving = false;
  await loads;
  const left = await Promise.all(KEYS.map((key) => service.peek(many, key, { cost: 0 })));
  expect(left.map(({ remaining }) => remaining)).toEqual(KEYS.map(() => 100_000 - asked));
  expect(asked).toBeGreaterThan(20);
});
