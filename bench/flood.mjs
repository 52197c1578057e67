// A million distinct keys on a Redis server, and what is left of them: `npm run bench:flood`, about a minute.
import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Redis } from 'ioredis';
import { withRedis } from '../scripts/private-redis.mjs';
import { RateLimiterService, RateLimitModule, tokenBucket } from './lib/floodgate.mjs';

const KEYS = 1_000_000;
const IN_FLIGHT = 512;
// What one request takes is back after 2 s.
const policy = tokenBucket({ name: 'flood', capacity: 10, rate: '30/min' });

async function flood(limiter) {
  let next = 0;
  const worker = async () => {
    while (next < KEYS) await limiter.consume(policy, `key-${next++}`);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
}

await withRedis(async (url) => {
  const client = new Redis(url);
  class AppModule {}
  Module({ imports: [RateLimitModule.forRoot({ redis: url, storeTimeoutMs: 5000 })] })(AppModule);
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
  const look = async () => ({
    buckets: await client.dbsize(),
    'server MB': Number(/^used_memory:(\d+)/m.exec(await client.info('memory'))[1]) / 2 ** 20,
  });
  const rows = { before: await look() };
  let most = rows.before;
  const watch = setInterval(async () => {
    const now = await look();
    if (now['server MB'] > most['server MB']) most = now;
  }, 250);
  const start = performance.now();
  await flood(app.get(RateLimiterService));
  const seconds = (performance.now() - start) / 1000;
  clearInterval(watch);
  rows['at most'] = most;
  await sleep(5000);
  rows['5 s after the last'] = await look();
  for (const row of Object.values(rows)) row['server MB'] = row['server MB'].toFixed(1);
  console.table(rows);
  console.log(`${KEYS} keys in ${seconds.toFixed(0)} s`);
  await app.close();
  client.disconnect();
});
