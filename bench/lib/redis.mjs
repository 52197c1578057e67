// Private Redis servers, each subject its own: what a server has used is then what its subject has used.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureRedisServer } from '../../scripts/redis-server-binary.mjs';
import { atTheEnd, end, endsWithUs } from './processes.mjs';

const READY = 'Ready to accept connections';

/**
 * @typedef {{ port: number, pid: number, url: string, stop: () => Promise<void> }} Server
 * @param {string[]} [more] arguments of the server
 * @returns {Promise<Server>}
 */
export async function startRedis(more = []) {
  const { path } = await ensureRedisServer();
  const port = await freePort();
  // What an earlier server has left is none of its business.
  const folder = mkdtempSync(join(tmpdir(), 'floodgate-bench-'));
  atTheEnd(() => rmSync(folder, { recursive: true, force: true }));
  const where = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
  const args = [...where, '--save', '', '--appendonly', 'no', ...more];
  const server = endsWithUs(spawn(path, args, { stdio: ['ignore', 'pipe', 'inherit'] }));
  await untilReady(server);
  return { port, pid: server.pid, url: `redis://127.0.0.1:${port}`, stop: () => end(server) };
}

/** A port that nobody listened on a moment ago. */
export async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

async function untilReady(server) {
  let log = '';
  for await (const chunk of server.stdout.iterator({ destroyOnReturn: false })) {
    log += chunk;
    if (log.includes(READY)) return void server.stdout.resume(); // an unread pipe would block the server
  }
  throw new Error(`The Redis server has ended:\n${log}`);
}
