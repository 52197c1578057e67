// What 50,000 waiters cost one process: `npm run bench:waiting`.
import 'reflect-metadata';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { leakyBucket, RateLimiterService, RateLimitModule } from 'nestjs-floodgate';

const WAITERS = 50_000;
const collect = globalThis.gc ?? (() => console.warn('run with --expose-gc'));

const heapMegabytes = () => {
  collect();
  return process.memoryUsage().heapUsed / 1e6;
};

async function measure(withSignal) {
  class AppModule {}
  Module({ imports: [RateLimitModule.forRoot({ drainMs: 0 })] })(AppModule);
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
  const limiter = app.get(RateLimiterService);
  const line = leakyBucket({ name: 'line', capacity: 1_000_000, rate: 100 });
  const controllers = withSignal ? Array.from({ length: WAITERS }, () => new AbortController()) : [];
  const idle = heapMegabytes();
  let ended = 0;
  for (let i = 0; i < WAITERS; i++) {
    const end = () => ended++;
    limiter.acquire(line, 'all', withSignal ? { signal: controllers[i].signal } : {}).then(end, end);
  }
  // Past the turn in which they were queued.
  await sleep(500);
  const heap = heapMegabytes() - idle;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await sleep(5000);
  delay.disable();
  const before = ended;
  await app.close();
  const row = {
    'heap above idle, MB': heap.toFixed(1),
    'event loop delay p99, ms': (delay.percentile(99) / 1e6).toFixed(1),
    'turns in the meantime': before,
  };
  controllers.length = 0;
  return row;
}

console.table({ plain: await measure(false), 'with an AbortSignal each': await measure(true) });
