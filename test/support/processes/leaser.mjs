// A process of its own: an application with the service on Redis and a policy with leases. Says `ready`; on `go` it asks for
// one key `perSecond` times a second, for some seconds, and then says what came of it and what it has cost.
import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

const { lib, url, prefix, capacity, rate, perSecond, seconds } = JSON.parse(process.argv[2]);
const { RateLimitModule, RateLimiterService, tokenBucket } = await import(lib);

const policy = tokenBucket({ name: 'hot', capacity, rate, lease: true });
class AppModule {}
Module({
  imports: [
    RateLimitModule.forRoot({ storeTimeoutMs: 5000, redis: url, prefix, policies: [policy], fullest: false }),
  ],
})(AppModule);

const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
const limiter = app.get(RateLimiterService);
async function run(key, perSecond, seconds) {
  const result = { decisions: 0, admitted: 0 };
  const count = ({ allowed }) => {
    result.decisions++;
    if (allowed) result.admitted++;
  };
  const pending = [];
  const began = performance.now();
  const cpu = process.cpuUsage();
  for (let asked = 0, elapsed = 0; elapsed < seconds * 1000; elapsed = performance.now() - began) {
    const due = Math.floor((elapsed * perSecond) / 1000);
    for (; asked < due; asked++) pending.push(limiter.consume(policy, key).then(count));
    await sleep(1);
  }
  await Promise.all(pending);
  const { user, system } = process.cpuUsage(cpu);
  return { ...result, cpuSeconds: (user + system) / 1e6, seconds: (performance.now() - began) / 1000 };
}

// Compiled, connected, and with a lease.
await run('warm', 2000, 0.5);

process.on('message', async () => {
  const result = await run('key', perSecond, seconds);
  // It returns what it holds.
  await app.close();
  process.send(result);
  process.disconnect();
});
process.send('ready');
