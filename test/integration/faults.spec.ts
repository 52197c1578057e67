// The faults that the chaos suite is made of: whatever the harness promises to break is broken.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { closeClients, connect6, connectClusterAsAdmin } from '../support/redis/clients.js';
import { type RedisCluster, startCluster } from '../support/redis/cluster.js';
import { ask, command } from '../support/redis/raw.js';
import { reshard } from '../support/redis/reshard.js';
import { type SentinelGroup, startSentinelGroup } from '../support/redis/sentinel.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';
import { TcpProxy } from '../support/tcp-proxy.js';

afterEach(closeClients);

describe('a proxy', () => {
  let server: RedisServer;
  let proxy: TcpProxy;

  beforeAll(async () => {
    server = await startRedis();
    proxy = await TcpProxy.start(server);
  });

  afterAll(async () => {
    await proxy.stop();
    await server.stop();
  });

  afterEach(() => proxy.heal());

  const ping = (timeoutMs: number) => ask(proxy.port, [['PING']], timeoutMs);

  it('is slow in both directions, and nothing overtakes when it is fast again', async () => {
    proxy.slow(60);
    const start = performance.now();
    await ping(1000);
    expect(performance.now() - start).toBeGreaterThanOrEqual(119);

    const client = connect6(proxy.url, { enableReadyCheck: false });
    await client.ping();
    const slow = client.append('text', 'a');
    proxy.heal();
    await Promise.all([slow, client.append('text', 'b')]);
    expect(await command(server.port, 'GET', 'text')).toBe('ab');
  });

  it('keeps requests or replies, and delivers them when it is healed', async () => {
    for (const direction of ['request', 'reply'] as const) {
      const client = connect6(proxy.url);
      await client.set(direction, 0);
      proxy.hold(direction);
      const increased = client.incr(direction);
      await expect(ping(50)).rejects.toThrow('no reply');
      expect(await command(server.port, 'GET', direction)).toBe(direction === 'request' ? '0' : '1');
      proxy.heal();
      expect(await increased).toBe(1);
    }
  });

  it('abandons connections without a word, and serves new ones', async () => {
    const client = connect6(proxy.url);
    await client.ping();
    proxy.abandon();
    const answers: unknown[] = [];
    client.ping().then(
      (answer) => answers.push(answer),
      () => undefined,
    );
    proxy.heal();
    expect(await ping(1000)).toEqual(['PONG']);
    await sleep(50);
    expect(answers).toEqual([]);
    expect(client.status).toBe('ready');
  });

  it('cuts in the middle of a reply: what was asked is done, and nobody knows', async () => {
    const client = connect6(proxy.url, { retryStrategy: () => null });
    await client.set('cut', 0);
    proxy.cutMidReply();
    await expect(client.incr('cut')).rejects.toThrow('Connection is closed');
    expect(await command(server.port, 'GET', 'cut')).toBe('1');
  });

  it('refuses whoever comes', async () => {
    proxy.refuse();
    await expect(ping(1000)).rejects.toThrow();
    proxy.heal();
    expect(await ping(1000)).toEqual(['PONG']);
  });
});

describe('a group of sentinels', () => {
  let group: SentinelGroup;

  beforeAll(async () => {
    group = await startSentinelGroup({ replicas: 1, downAfterMs: 300 });
  });

  afterAll(() => group.stop());

  it('replaces a master that was killed; it comes back as a replica', async () => {
    const client = connect6('', { sentinels: group.sentinels, name: group.name });
    await client.set('key', 'value');
    await client.wait(1, 1000);
    expect(group.failovers()).toBe(0);
    const { from, to } = await group.failover();
    expect(group.failovers()).toBe(1);
    expect(await client.get('key')).toBe('value');
    expect(await command(to.port, 'GET', 'key')).toBe('value');
    await group.revive(from);
    expect(await group.replicas()).toEqual([from]);
  });
});

describe('a cluster', () => {
  let cluster: RedisCluster;

  beforeAll(async () => {
    cluster = await startCluster({ masters: 3, replicas: 1, nodeTimeoutMs: 1000 });
  });

  afterAll(() => cluster.stop());

  it('moves slots under load: clients are sent after them by ASK and MOVED, and nothing is lost', async () => {
    const client = connectClusterAsAdmin(cluster.nodes);
    const slot = 12_182; // of foo
    const from = await cluster.ownerOf(slot);
    const to = cluster.nodes.find((node) => node !== from)!;
    let [done, isMoving] = [0, true];
    const load = (async () => {
      for (; isMoving || done < 10; done++)
        await Promise.all([client.incr('{foo}'), client.incr(`{foo}:${done}`)]);
    })();
    await sleep(50);
    expect(await reshard({ slots: [slot], from, to, lingerMs: 50 })).toBeGreaterThan(0);
    expect(await cluster.ownerOf(slot)).toBe(to);
    isMoving = false;
    await load;
    expect(await command(to.port, 'GET', '{foo}')).toBe(String(done));
    const [stats] = await ask(from.port, [['INFO', 'errorstats']]);
    expect(stats).toMatch(/errorstat_ASK:count=[1-9]/);
    expect(stats).toMatch(/errorstat_MOVED:count=[1-9]/);
  });

  it('replaces a master that was killed', async () => {
    const master = await cluster.ownerOf(0);
    await master.kill();
    let owner = master;
    while (owner === master) owner = await cluster.ownerOf(0).catch(() => master);
    expect(await command(owner.port, 'SET', 'bar', 'value')).toBe('OK'); // slot 5061
  });
});
