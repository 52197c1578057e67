import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { CompiledLib } from '../support/compiled-lib.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import { startChild } from '../support/processes/start-child.js';
import { closeClients, connect } from '../support/redis/clients.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';

interface Result {
  readonly decisions: number;
  readonly admitted: number;
}

let server: RedisServer;
let lib: CompiledLib;

beforeAll(async () => {
  [server, lib] = await Promise.all([startRedis(), CompiledLib.create()]);
});

afterAll(async () => {
  await closeClients();
  await Promise.all([server.stop(), lib.remove()]);
});

it('4 processes spend ahead from one key: no more than capacity + rate × elapsed, with few commands, and return what is left', async () => {
  const [prefix, capacity, rate] = [freshPrefix('leases'), 2000, 2000];
  const more = { perSecond: 1500, seconds: 2 };
  const config = { lib: `${lib.folder}/index.js`, url: server.url, prefix, capacity, rate, ...more };
  const children = await Promise.all(Array.from({ length: 4 }, () => startChild('leaser.mjs', config)));
  const client = connect(server.adminUrl);
  const micros = async () => {
    const [seconds, rest] = await client.time();
    return Number(seconds) * 1e6 + Number(rest);
  };
  const commands = async () =>
    Number(/cmdstat_evalsha:calls=(\d+)/.exec(await client.info('commandstats'))?.[1] ?? 0);

  const [start, sentBefore] = [await micros(), await commands()];
  const results = children.map(async (child) => (await once(child, 'message'))[0] as Result);
  for (const child of children) child.send('go');
  const all = await Promise.all(results);
  const [elapsed, sent] = [(await micros()) - start, (await commands()) - sentBefore];
  const sum = (read: (result: Result) => number) => all.reduce((total, result) => total + read(result), 0);

  expect(sum(({ decisions }) => decisions)).toBeGreaterThan(sum(({ admitted }) => admitted));
  expect(sum(({ admitted }) => admitted)).toBeLessThanOrEqual(capacity + (rate * elapsed) / 1e6);
  expect(sum(({ admitted }) => admitted)).toBeGreaterThan(capacity);
  expect(sent).toBeLessThan(sum(({ decisions }) => decisions) / 5);
  expect((await client.get(`${prefix}:hot:{key}`)) ?? '').not.toContain(' h');
}, 60_000);
