// Private Redis servers, each subject its own: what a server has used is then what its subject has used.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, untilReady } from '../../scripts/private-redis.mjs';
import { ensureRedisServer } from '../../scripts/redis-server-binary.mjs';
import { atTheEnd, end, endsWithUs } from './processes.mjs';

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
