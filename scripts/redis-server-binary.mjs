// Finds the Redis (or Valkey) server that the tests run on, and installs one where the machine allows it.
import { execFileSync } from 'node:child_process';
import { accessSync, constants, rmSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { run } from './run.mjs';

const HOW_TO_INSTALL = `Install one:
  Debian, Ubuntu   sudo apt-get install redis-server
  macOS            brew install redis
  Alpine           sudo apk add redis
  Fedora           sudo dnf install valkey
or set REDIS_SERVER_BIN to the path of a redis-server or valkey-server, version 7.0 or newer.`;

/**
 * The server's absolute path, and its version as 'Redis 7.0.15'. Installs one where there is none.
 * @returns {Promise<{ path: string, version: string }>}
 */
export async function ensureRedisServer() {
  const path = findRedisServer() ?? (await installRedisServer());
  const version = versionOf(path);
  const major = Number.parseInt(version.split(' ')[1], 10);
  if (major < 7)
    throw new Error(`${path} is ${version}, but the tests need 7.0 or newer.\n${HOW_TO_INSTALL}`);
  return { path, version };
}

/**
 * REDIS_SERVER_BIN, else what PATH has; throws where REDIS_SERVER_BIN is no program.
 * @returns {string | undefined}
 */
export function findRedisServer() {
  const chosen = process.env.REDIS_SERVER_BIN;
  if (!chosen) return onPath('redis-server') ?? onPath('valkey-server');
  if (!isProgram(chosen)) throw new Error(`REDIS_SERVER_BIN is not an executable file: ${chosen}`);
  return resolve(chosen);
}

/** 'Redis 7.0.15': what the binary says of itself. */
export function versionOf(path) {
  const [line] = execFileSync(path, ['--version'], { encoding: 'utf8' }).split('\n');
  const [, name, version] = /^(\w+) server v=(\S+)/.exec(line) ?? [];
  if (!version) throw new Error(`Not a Redis or Valkey server: '${path} --version' says '${line}'`);
  return `${name} ${version}`;
}

async function installRedisServer() {
  if (process.platform === 'darwin' && onPath('brew')) await install('brew', ['install', 'redis']);
  else if (process.getuid?.() === 0 && onPath('apt-get')) await withoutStartingServices(installWithApt);
  else throw new Error(`The tests need a real Redis server, and none was found.\n${HOW_TO_INSTALL}`);
  const path = findRedisServer();
  if (!path) throw new Error(`The installation left no redis-server on PATH.\n${HOW_TO_INSTALL}`);
  return path;
}

async function installWithApt() {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await install('apt-get', ['update'], env);
  await install('apt-get', ['install', '-y', '--no-install-recommends', 'redis-server'], env);
}

async function install(program, args, env = process.env) {
  const line = [program, ...args].join(' ');
  console.log(`No Redis server found: ${line}`);
  const code = await run(program, args, { env });
  if (code !== 0) throw new Error(`'${line}' failed.\n${HOW_TO_INSTALL}`);
}

/** Debian's packages start their service unless this file says no; a file that was there before is left alone. */
async function withoutStartingServices(action) {
  const policy = '/usr/sbin/policy-rc.d';
  const ours = createIfAbsent(policy, '#!/bin/sh\nexit 101\n');
  try {
    await action();
  } finally {
    if (ours) rmSync(policy);
  }
}

function createIfAbsent(path, content) {
  try {
    writeFileSync(path, content, { mode: 0o755, flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function onPath(name) {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  return folders.map((folder) => resolve(join(folder, name))).find(isProgram);
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false; // missing, or not ours to run: either way no program for us
  }
}
