// A process of its own: an application whose service waits for turns on Redis. Says `ready`; on `go` asks for all turns
// at once, and then says for each its slot and its start, in microseconds of the server's clock.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Redis } from 'ioredis';

const { lib, url, prefix, policies, requests, cost = 1 } = JSON.parse(process.argv[2]);
const { leakyBucket, RateLimitModule, RateLimiterService, tokenBucket } = await import(`${lib}/index.js`);
const { Limiter } = await import(`${lib}/limiter/limiter.js`);

const [policy] = policies.map(({ algorithm, ...options }) =>
  algorithm === 'leaky-bucket' ? leakyBucket(options) : tokenBucket(options),
);
class AppModule {}
Module({
  imports: [RateLimitModule.forRoot({ storeTimeoutMs: 10_000, redis: url, prefix, policies: [policy] })],
})(AppModule);

const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
const service = app.get(RateLimiterService);
const client = new Redis(url);

/** What this process' clock is on the server: a sample lies between its sending and its receipt. */
async function sampleClock() {
  const samples = [];
  for (let i = 0; i < 50; i++) {
    const sent = performance.now();
    const [seconds, micros] = await client.time();
    const received = performance.now();
    samples.push({
      at: (sent + received) / 2,
      error: (received - sent) / 2,
      time: seconds * 1e6 + Number(micros),
    });
  }
  return samples.sort((a, b) => a.error - b.error)[0];
}

function slotOf({ after }) {
  const found = after.level - cost * after.ticksPerToken;
  const startLevel = policy.algorithm === 'token-bucket' ? (policy.capacity - cost) * after.ticksPerToken : 0;
  return after.at + Math.max(0, found - startLevel) / after.ticksPerMicro;
}

// The slot of each turn is what its transaction has written: the level that it has found, before its cost.
const limiter = app.get(Limiter);
const decide = limiter.decide.bind(limiter);
let storeCalls = 0;
limiter.decide = async (charges, options) => {
  storeCalls++;
  const judgement = await decide(charges, options);
  const received = performance.now();
  const [change] = judgement.changes;
  places.push(change && { slot: slotOf(change), decided: change.after.at, received });
  return judgement;
};
const places = [];

// As in a process that has served for a while: the connection is open, and of these replies some came quickly.
for (let i = 0; i < 20; i++) await service.peek(policy, 'all');
places.length = 0;
storeCalls = 0;
const before = await sampleClock();

process.on('message', async () => {
  const starts = await Promise.all(
    Array.from({ length: requests }, () =>
      service.run(policy, 'all', () => performance.now(), { cost, maxWaitMs: 60_000 }),
    ),
  );
  const after = await sampleClock();
  const best = after.error < before.error ? after : before;
  const onServer = (time) => best.time + (time - best.at) * 1000;
  const turns = starts.map((start, i) => {
    const { slot, decided, received } = places[i];
    return { slot, decided, start: onServer(start), replyLate: onServer(received) - decided };
  });
  process.send({ turns, storeCalls, clockError: best.error * 1000 });
  client.disconnect();
  await app.close();
  process.disconnect();
});
process.send('ready');
