// What a decision costs this process, and the Redis server, in CPU time: `npm run bench`.
// REDIS_SERVER_BIN or a redis-server on PATH; the server is private and ends with the run.
import 'reflect-metadata';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Redis } from 'ioredis';
import { RateLimiterService, RateLimitModule, tokenBucket } from 'nestjs-floodgate';

const KEYS = 1000;
const IN_FLIGHT = 256;
const ROUNDS = 7;
// Large enough that every take is admitted: an admission costs more than a refusal.
const policy = tokenBucket({ name: 'bench', capacity: 1_000_000, rate: 1_000_000 });

async function serviceOn(redis) {
  class AppModule {}
  Module({ imports: [RateLimitModule.forRoot({ redis, policies: [policy], storeTimeoutMs: 60_000 })] })(
    AppModule,
  );
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
  return { limiter: app.get(RateLimiterService), close: () => app.close() };
}

async function startRedis() {
  const port = await new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const free = probe.address().port;
      probe.close(() => resolve(free));
    });
  });
  const args = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const server = spawn(process.env.REDIS_SERVER_BIN ?? 'redis-server', args, { stdio: 'ignore' });
  const client = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 20, maxRetriesPerRequest: null });
  // Until the server listens, attempts to connect fail; they are repeated.
  client.on('error', () => undefined);
  await client.ping();
  return { server, client };
}

/** User and system time of a process in microseconds: fields 14 and 15 of its stat, in ticks of 10 ms. */
function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

const cpuHere = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

async function consumeMany(limiter, count) {
  let next = 0;
  const worker = async () => {
    while (next < count) await limiter.consume(policy, `key-${next++ % KEYS}`);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

async function measure(limiter, count, pid) {
  const [here, there, start] = [cpuHere(), pid ? cpuOf(pid) : 0, performance.now()];
  await consumeMany(limiter, count);
  const seconds = (performance.now() - start) / 1000;
  return {
    client: (cpuHere() - here) / count,
    server: pid ? (cpuOf(pid) - there) / count : 0,
    perSecond: count / seconds,
  };
}

const { server, client } = await startRedis();
const subjects = [
  { name: 'memory', ...(await serviceOn(undefined)), count: 400_000 },
  { name: 'redis', ...(await serviceOn(client)), count: 100_000, pid: server.pid },
];
const results = new Map(subjects.map(({ name }) => [name, []]));
try {
  for (const { limiter, count } of subjects) await consumeMany(limiter, count / 10);
  // In turns, for the machine is not always equally fast.
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, limiter, count, pid } of subjects)
      results.get(name).push(await measure(limiter, count, pid));
  }
} finally {
  for (const { close } of subjects) await close();
  client.disconnect();
  server.kill();
}
console.table(
  Object.fromEntries(
    [...results].map(([name, rounds]) => [
      name,
      {
        'client µs/decision': median(rounds.map(({ client }) => client)).toFixed(2),
        'server µs/decision': median(rounds.map(({ server }) => server)).toFixed(2),
        'decisions/s': Math.round(median(rounds.map(({ perSecond }) => perSecond))),
      },
    ]),
  ),
);
