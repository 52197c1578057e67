import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { tokenBucket } from '../../lib/options/make-policy.js';
import { RedisStore } from '../../lib/stores/redis/redis.store.js';
import { CompiledLib } from '../support/compiled-lib.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import { ask } from '../support/limits.js';
import { startChild } from '../support/processes/start-child.js';
import { closeClients, connect } from '../support/redis/clients.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';

let server: RedisServer;
let lib: CompiledLib;

beforeAll(async () => {
  [server, lib] = await Promise.all([startRedis(), CompiledLib.create()]);
});

afterAll(async () => {
  await closeClients();
  await Promise.all([server.stop(), lib.remove()]);
});

it('8 processes with 2,000 concurrent requests each admit capacity + rate × elapsed of the server, to the token', async () => {
  // So large that it cannot be full again before what is left is taken, however slow the processes are.
  const [prefix, capacity, rate] = [freshPrefix('processes'), 30_000, 500];
  const config = { lib: `${lib.folder}/index.js`, url: server.url, prefix, capacity, rate, requests: 2000 };
  const children = await Promise.all(Array.from({ length: 8 }, () => startChild('consumer.mjs', config)));
  const client = connect(server.url);
  const { take } = ask(new RedisStore(client, { prefix }));
  const policy = tokenBucket({ name: 'shared', capacity, rate });
  const serverMicros = async () => {
    const [seconds, micros] = await client.time();
    return Number(seconds) * 1e6 + Number(micros);
  };

  // From here on the bucket is never full, so every token that it earns counts.
  await take(policy, 'key', capacity);
  const [, start] = (await client.get(`${prefix}:shared:{key}`))!.split(' ').map(Number) as [number, number];
  const replies = children.map(
    async (child) => ((await once(child, 'message'))[0] as { admitted: number }).admitted,
  );
  for (const child of children) child.send('go');
  let admitted = capacity + (await Promise.all(replies)).reduce((sum, count) => sum + count, 0);
  // Take what is left: then the last token is spent, and what was earned is known to the token.
  let before = await serverMicros();
  while ((await take(policy, 'key')).allowed) {
    admitted++;
    before = await serverMicros();
  }
  const after = await serverMicros();
  const earned = (time: number) => capacity + (rate * (time - start)) / 1e6;
  expect(admitted).toBeLessThanOrEqual(earned(after));
  expect(admitted).toBeGreaterThan(earned(before) - 1);
  expect(admitted).toBeGreaterThan(capacity + 10);
});
