// Those whose latency is compared call by call, in one process on one server: each has a connection of its own.
import { Redis } from 'ioredis';
import { interleaved } from '../lib/interleaved.mjs';
import { keysInCircle } from '../lib/keys.mjs';
import * as ours from './ours.mjs';
import { flexible } from './peers.mjs';

const BARE = `local time = redis.call('TIME')
local level = redis.call('GET', KEYS[1])
redis.call('SET', KEYS[1], (level or '0 0 1 1000000'), 'PXAT', time[1] * 1000 + ARGV[1])
return { time[1], time[2], level }`;

/** TIME, GET and SET in one script, called by its hash: what an exact limiter on Redis cannot do without. */
async function bare({ urls, keys }) {
  const client = new Redis(urls[0]);
  const sha = await client.script('LOAD', BARE);
  const key = keysInCircle(keys, 'bare');
  return { call: (index) => client.evalsha(sha, 1, key(index), 3_600_000) };
}

const OPEN = { one: ours.one, four: ours.four, shared: ours.shared, flexible, bare };

/** @param {{ urls: string[], keys?: number, names: (keyof typeof OPEN)[] }} setup */
export async function together(setup) {
  const subjects = await Promise.all(setup.names.map((name) => OPEN[name](setup)));
  const calls = Object.fromEntries(setup.names.map((name, i) => [name, subjects[i].call]));
  return { measure: (options) => interleaved(calls, options) };
}
