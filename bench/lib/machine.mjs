// Where a run was made.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, release, totalmem, type } from 'node:os';
import { ensureRedisServer } from '../../scripts/redis-server-binary.mjs';

const require = createRequire(import.meta.url);

const SHARED = ['ioredis', '@nestjs/core', 'express', 'fastify'];
const PEERS = Object.keys(require('../package.json').dependencies);

/** @returns {Promise<[string, string][]>} what it is, and its value */
export async function machine() {
  const processors = cpus();
  const { version } = await ensureRedisServer();
  return [
    ['processor', `${processors[0].model.trim()}, ${processors.length} cores`],
    ['memory', `${(totalmem() / 2 ** 30).toFixed(1)} GiB`],
    ['system', `${type()} ${release()}`],
    ['Node.js', process.version],
    ['server', version],
    ['nestjs-floodgate', `${require('../../package.json').version}, ${commit()}`],
    ...[...SHARED, ...PEERS].map((name) => [name, versionOf(name)]),
  ];
}

/** Not every package lets its package.json be imported, so it is looked for as Node would. */
function versionOf(name) {
  const folders = require.resolve.paths(name).map((folder) => `${folder}/${name}/package.json`);
  for (const path of folders) {
    try {
      return JSON.parse(readFileSync(path, 'utf8')).version;
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
  }
  throw new Error(`${name} is not installed`);
}

function commit() {
  try {
    const git = (...args) => execFileSync('git', args, { encoding: 'utf8', cwd: import.meta.dirname }).trim();
    const changed = git('status', '--porcelain', '--', '../../lib', '..') === '' ? '' : ', with changes';
    return `commit ${git('rev-parse', '--short', 'HEAD')}${changed}`;
  } catch {
    return 'not from a clone';
  }
}
