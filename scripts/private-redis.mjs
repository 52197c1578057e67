// A Redis server of our own, for as long as an action takes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { ensureRedisServer } from './redis-server-binary.mjs';

const READY = 'Ready to accept connections';

/**
 * @template T
 * @param {(url: string) => Promise<T>} action
 * @returns {Promise<T>}
 */
export async function withRedis(action) {
  const { path } = await ensureRedisServer();
  const port = await freePort();
  const server = spawn(path, ['--port', String(port), '--bind', '127.0.0.1', '--save', ''], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await untilReady(server);
    return await action(`redis://127.0.0.1:${port}`);
  } finally {
    server.kill('SIGKILL'); // nothing is to be saved
  }
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

/** Until it says that it takes connections; its output goes on unread. */
export async function untilReady(server) {
  let log = '';
  for await (const chunk of server.stdout.iterator({ destroyOnReturn: false })) {
    log += chunk;
    if (log.includes(READY)) return void server.stdout.resume(); // an unread pipe would block the server
  }
  throw new Error(`The Redis server has ended:\n${log}`);
}
