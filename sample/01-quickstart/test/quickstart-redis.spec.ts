import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { Type } from '@nestjs/common';
import { bootApp, closeApps } from '../../../test/support/app.js';
import { type RedisServer, startRedis } from '../../../test/support/redis/server.js';
import { countAtOnce, post } from './requests.js';

let server: RedisServer;
let AppModule: Type;

beforeAll(async () => {
  server = await startRedis();
  process.env.REDIS_URL = server.url;
  // The module reads REDIS_URL when it is loaded.
  ({ AppModule } = await import('../src/app.module.js'));
});

afterEach(closeApps);

afterAll(async () => {
  delete process.env.REDIS_URL;
  await server.stop();
});

const instance = () => bootApp({ rateLimit: false, imports: [AppModule] });

it('puts the buckets into Redis, where two instances share them', async () => {
  const instances = [await instance(), await instance()];
  let turn = 0;
  const start = performance.now();
  const { 201: admitted = 0, 429: refused } = await countAtOnce(30, () =>
    post(instances[turn++ % 2]!, '/chat', 'ada'),
  );
  // 10 at once for both together, and 5 more for each second that the requests took.
  const most = 10 + 5 * Math.ceil((performance.now() - start) / 1000);
  expect(admitted).toBeGreaterThanOrEqual(10);
  expect(admitted).toBeLessThanOrEqual(most);
  expect(refused).toBe(30 - admitted);
});

it('lets the writes of all instances wait in one line', async () => {
  const [one, other] = [await instance(), await instance()];
  const start = performance.now();
  await Promise.all([one, other, one, other].map((app) => post(app, '/save')));
  // The fourth place of a line of 10 per second; in two lines it would be the second.
  expect(performance.now() - start).toBeGreaterThanOrEqual(300);
});
