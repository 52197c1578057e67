// The harness itself: whatever it promises to the suites that stand on it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis as Redis6 } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import {
  closeClients,
  connect,
  connect5,
  connect6,
  connectClusterAsAdmin,
} from '../support/redis/clients.js';
import { type RedisCluster, startCluster } from '../support/redis/cluster.js';
import { ask, command } from '../support/redis/raw.js';
import { freePort, type RedisServer, type RedisServerOptions, startRedis } from '../support/redis/server.js';

afterEach(closeClients);

describe('a private Redis server', () => {
  const started: RedisServer[] = [];
  const start = async (options?: RedisServerOptions) => {
    const server = await startRedis(options);
    started.push(server);
    return server;
  };

  afterEach(async () => {
    await Promise.all(started.splice(0).map((server) => server.stop()));
  });

  it('answers on 127.0.0.1 under the pid that it tells', async () => {
    const server = await start();

    expect(server.adminUrl).toBe(`redis://127.0.0.1:${server.port}`);
    expect(await command(server.port, 'INFO', 'server')).toContain(`process_id:${server.pid}\r\n`);
  });

  it('leaves neither a process nor a folder after stop, which may be called twice', async () => {
    const server = await start();
    const folder = await folderOf(server);

    await server.stop();
    await server.stop();

    expect(isAlive(server.pid)).toBe(false);
    expect(existsSync(folder)).toBe(false);
  });

  it('shares nothing with another one', async () => {
    const [one, other] = await Promise.all([start(), start()]);

    await connect(one.adminUrl).set('key', 'value');

    expect(one.port).not.toBe(other.port);
    expect(await connect(other.adminUrl).get('key')).toBeNull();
  });

  it('takes another port when somebody else got the first one', async () => {
    const neighbour = await start();
    const ports = [neighbour.port, await freePort()];

    const server = await start({ choosePort: async () => ports.shift()! });

    expect(server.port).not.toBe(neighbour.port);
    expect(await command(neighbour.port, 'PING')).toBe('PONG');
  });

  it('says what the server said when it does not start', async () => {
    const starting = start({ args: ['--no-such-option', 'yes'] });

    await expect(starting).rejects.toThrow(
      /The Redis server on port \d+ ended\. Its log:[\s\S]*no-such-option/,
    );
  });

  it('is asked for its password when it has one', async () => {
    const server = await start({ password: 'p@ss/word' });

    const [refusal] = await ask(server.port, [['PING']]);

    expect(refusal).toEqual(expect.objectContaining({ message: expect.stringMatching(/^NOAUTH/) }));
    expect(await connect(server.adminUrl).ping()).toBe('PONG');
  });

  it('answers nothing while it is paused, and everything afterwards', async () => {
    const server = await start();
    server.pause();

    await expect(ask(server.port, [['PING']], 100)).rejects.toThrow('no reply within 100 ms');

    server.resume();
    expect(await command(server.port, 'PING')).toBe('PONG');
  });

  it('stops though it is paused', async () => {
    const server = await start();
    server.pause();

    await server.stop();

    expect(isAlive(server.pid)).toBe(false);
  });

  it('comes back empty on the same port after a crash', async () => {
    const server = await start();
    await command(server.port, 'SET', 'key', 'value');
    const crashed = server.pid;

    await server.kill();
    expect(isAlive(crashed)).toBe(false);
    await expect(command(server.port, 'PING')).rejects.toThrow('ECONNREFUSED');

    await server.start();
    expect(server.pid).not.toBe(crashed);
    expect(await command(server.port, 'EXISTS', 'key')).toBe('0');
  });

  it('dies with the process that started it, even when that is killed', async () => {
    const { port, folder, killParent } = await startUnderAnotherProcess();
    await until(() => isListening(port));

    killParent();

    await until(async () => !(await isListening(port)));
    await until(() => !existsSync(folder));
  });
});

describe('clients', () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await startRedis();
  });

  afterAll(() => server.stop());

  it('are of either major, and of the one that IOREDIS asks for', async () => {
    const wanted = process.env.IOREDIS === '5' ? Redis5 : Redis6;

    expect(connect5(server.adminUrl)).toBeInstanceOf(Redis5);
    expect(connect6(server.adminUrl)).toBeInstanceOf(Redis6);
    expect(connect(server.adminUrl)).toBeInstanceOf(wanted);
  });

  it('are all closed, whatever they were doing', async () => {
    const ready = connect5(server.adminUrl);
    await connect6(server.adminUrl).ping();
    await ready.ping();
    connect(server.adminUrl);
    connect(server.adminUrl, { lazyConnect: true });
    const lost = connect(`redis://127.0.0.1:${await freePort()}`);
    await new Promise((resolve) => lost.once('reconnecting', resolve));

    await closeClients();

    expect(ready.status).toBe('end');
    await until(async () => (await clientsOf(server)) === 1);
  });
});

describe('a private cluster', () => {
  let cluster: RedisCluster;
  let shortLived: RedisCluster;

  beforeAll(async () => {
    [cluster, shortLived] = await Promise.all([startCluster(), startCluster({ masters: 1 })]);
  }, 30_000);

  afterAll(() => cluster.stop());

  it('answers with MOVED for a slot of another node', async () => {
    const [first, , third] = cluster.nodes;

    const write = connect(first!.adminUrl).set('foo', 'bar'); // slot 12182, in the last third

    await expect(write).rejects.toThrow(`MOVED 12182 127.0.0.1:${third!.port}`);
  });

  it('serves a cluster client on every node', async () => {
    const client = connectClusterAsAdmin(cluster.nodes);
    const keys = ['bar', 'hello', 'foo']; // slots 5061, 866 and 12182

    await Promise.all(keys.map((key) => client.set(key, `value of ${key}`)));

    expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(
      keys.map((key) => `value of ${key}`),
    );
  });

  it('stops all its nodes', async () => {
    await shortLived.stop();

    expect(shortLived.nodes.map(({ pid }) => isAlive(pid))).toEqual([false]);
  });
});

/** A Node process that stands for a jest worker: it starts a server as the harness does, and then only waits. */
async function startUnderAnotherProcess() {
  const script = `
    import { transformFileSync } from '@swc/core';
    const [source, program, folder, port] = process.argv.slice(1);
    const { code } = transformFileSync(source, { jsc: { target: 'es2022', parser: { syntax: 'typescript' } } });
    const { GuardedProcess } = await import('data:text/javascript,' + encodeURIComponent(code));
    await GuardedProcess.start(program, ['--port', port, '--bind', '127.0.0.1', '--save', ''], folder);
    setInterval(() => {}, 1000);
  `;
  const source = fileURLToPath(new URL('../support/redis/guarded-process.ts', import.meta.url));
  const folder = await mkdtemp(join(tmpdir(), 'floodgate-guarded-'));
  const port = await freePort();
  const args = [source, process.env.REDIS_SERVER_BIN || 'redis-server', folder, String(port)];
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script, ...args], {
    stdio: 'inherit',
  });
  return { port, folder, killParent: () => parent.kill('SIGKILL') };
}

async function isListening(port: number): Promise<boolean> {
  try {
    await command(port, 'PING');
    return true;
  } catch {
    return false;
  }
}

async function folderOf(server: RedisServer): Promise<string> {
  const reply = await connect(server.adminUrl).config('GET', 'dir');
  return (reply as string[])[1]!;
}

async function clientsOf(server: RedisServer): Promise<number> {
  const info = await command(server.port, 'INFO', 'clients');
  return Number(/connected_clients:(\d+)/.exec(info)![1]);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`still not so after 5 s: ${condition}`);
    await sleep(10);
  }
}
