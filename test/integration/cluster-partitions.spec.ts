// The option `partitions` on a real Cluster.
import { describe, expect, it } from '@jest/globals';
import slotOf from 'cluster-key-slot';
import {
  type Decision,
  RateLimitAdmin,
  type RateLimiterService,
  type RateLimitModuleOptions,
} from '../../lib/index.js';
import { bootApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { connectClusterAsAdmin } from '../support/redis/clients.js';
import { askAll, KEYS, other, quota, useCluster } from '../support/redis/use-cluster.js';

const used = useCluster();

describe('partitions', () => {
  const names = async () => {
    const admin = connectClusterAsAdmin(used.cluster.nodes);
    // A client knows its masters with the first reply.
    await admin.exists('none');
    return (await Promise.all(admin.nodes('master').map((node) => node.keys(`${used.prefix}:*`)))).flat();
  };

  it('put buckets into so many slots, spread over all masters: a call has many keys', async () => {
    // With it no master is asked about several slots.
    const { service } = await used.boot(used.open6({ enableAutoPipelining: true }), { partitions: 6 });
    let decisions: Decision[] = [];
    const scripts = await used.scriptsOf(async () => {
      decisions = await askAll(service);
    });
    expect(scripts).toEqual([2, 2, 2]);
    expect(decisions.map(({ remaining, source }) => [remaining, source])).toEqual(
      KEYS.map(() => [9, 'redis']),
    );
    const found = await names();
    expect(new Set(found.map((name) => slotOf(name))).size).toBe(6);
    // Each bucket once, and its key can still be read from its name.
    const buckets = found.filter((name) => name.includes(':quota:'));
    expect(buckets.map((name) => /^[^{]+:\{\d+\}:quota:\{(.*)\}$/.exec(name)?.[1]).sort()).toEqual(
      [...KEYS].sort(),
    );
  });

  it('keep all buckets of a key together', async () => {
    const { service } = await used.boot(used.open6(), { partitions: 100 });
    await Promise.all(
      KEYS.map((key) => Promise.all([quota, other].map((policy) => service.consume(policy, key)))),
    );
    const slots = new Map<string, Set<number>>();
    for (const name of await names()) {
      const key = name.slice(name.lastIndexOf('{'));
      slots.set(key, (slots.get(key) ?? new Set()).add(slotOf(name)));
    }
    expect(KEYS.map((key) => slots.get(`{${key}}`)?.size)).toEqual(KEYS.map(() => 1));
  });

  it('everything else finds the buckets there', async () => {
    const { app, service } = await used.boot(used.open6(), { partitions: 4, fullest: true });
    const admin = app.get(RateLimitAdmin);
    await service.consume(quota, 'ada', { cost: 6 });
    const reservation = await service.reserve(quota, 'ada', { cost: 3 });
    expect(await service.settle(reservation, 1)).toMatchObject({ settled: true });
    expect(await service.refund(quota, 'ada', 2)).toBe(true);
    expect(await service.sync(quota, 'ada', { remaining: 2 })).toMatchObject({ remaining: 1 });
    await service.block(quota, 'ada');
    expect(await service.consume(quota, 'ada')).toMatchObject({ allowed: false });
    expect(await service.unblock(quota, 'ada')).toBe(true);
    const [found] = await admin.find('ada');
    expect(found).toMatchObject({ policy: 'quota', key: 'ada' });
    expect(found!.storeKey).toMatch(/:\{\d+\}:quota:\{ada\}$/);
    await eventually(
      async () => (await admin.fullest(quota)).some(({ key }) => key === 'ada'),
      'it is noted',
    );
    expect(await service.reset(quota, 'ada')).toBe(true);
    expect((await names()).filter((name) => name.endsWith('{ada}'))).toEqual([]);
  });

  it('make other buckets of many keys where their number is another', async () => {
    const client = used.open6();
    const { service: one } = await used.boot(client, { partitions: 4 });
    await Promise.all(KEYS.map((key) => one.consume(quota, key, { cost: 10 })));
    const { service: two } = await used.boot(client, { partitions: 5 });
    const isFull = async (service: RateLimiterService) =>
      (await askAll(service)).filter(({ remaining }) => remaining === 9).length;
    expect(await isFull(two)).toBeGreaterThan(10);
    expect(await isFull(one)).toBe(0);
  });

  it.each([0, 1.5, 16_385, '4', null])('are no %p', async (partitions) => {
    const rateLimit = { partitions } as unknown as RateLimitModuleOptions;
    await expect(bootApp({ rateLimit })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('partitions'),
    });
  });
});
