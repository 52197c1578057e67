// What 50,000 waiters cost one process: `npm run bench:waiting`.
import 'reflect-metadata';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { leakyBucket, RateLimiterService, RateLimitModule } from './lib/floodgate.mjs';

const WAITERS = 50_000;

const heapMegabytes = () => {
  globalThis.gc();
  return process.memoryUsage().heapUsed / 1e6;
};

async function measure(withSignal) {
  class AppModule {}
  Module({ imports: [RateLimitModule.forRoot({ drainMs: 0 })] })(AppModule);
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
  const limiter = app.get(RateLimiterService);
  const line = leakyBucket({ name: 'line', capacity: 1_000_000, rate: 100 });
  // The signals are the callers' own, and Node makes one only when it is asked for.
  const signals = withSignal ? Array.from({ length: WAITERS }, () => new AbortController().signal) : [];
  const idle = heapMegabytes();
  let ended = 0;
  for (let i = 0; i < WAITERS; i++) {
    const end = () => ended++;
    limiter.acquire(line, 'all', withSignal ? { signal: signals[i] } : {}).then(end, end);
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
  return {
    'heap above idle, MB': heap.toFixed(1),
    'event loop delay p99, ms': (delay.percentile(99) / 1e6).toFixed(1),
    'turns in the meantime': before,
    signals: signals.length,
  };
}

/** In a process of its own: what one leaves behind would be in the other's idle heap. */
async function measureApart(withSignal) {
  const child = fork(fileURLToPath(import.meta.url), [String(withSignal)], { execArgv: ['--expose-gc'] });
  const [row] = await once(child, 'message');
  await once(child, 'exit');
  return row;
}

const [, , withSignal] = process.argv;
if (withSignal !== undefined) {
  process.send(await measure(withSignal === 'true'));
  process.disconnect();
} else {
  console.table({
    plain: await measureApart(false),
    'with an AbortSignal each': await measureApart(true),
  });
}
