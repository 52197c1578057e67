// The memory store under 5 million distinct keys: `npm run bench:cardinality`, about a minute. Fails where a bound is broken.
import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { RateLimiterService, RateLimitModule, tokenBucket } from './lib/floodgate.mjs';

if (globalThis.gc === undefined) throw new Error('needs --expose-gc: npm run bench:cardinality');

const MILLION = 1_000_000;
const ROUNDS = 5;
const IN_FLIGHT = 256;
/** The default of `memory.maxKeys`. */
const MAX_KEYS = 100_000;
const VICTIMS = 1000;
const KNOWN = 50_000;

// Nothing that the flood takes is back before the end: every bucket of it counts.
const policy = tokenBucket({ name: 'flood', capacity: 10, rate: '10/day' });

class AppModule {}
Module({ imports: [RateLimitModule.forRoot({ policies: [policy] })] })(AppModule);
const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
const limiter = app.get(RateLimiterService);

async function times(count, act) {
  let next = 0;
  const worker = async () => {
    while (next < count) await act(next++);
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  return (count * 1000) / (performance.now() - start);
}

/** What is resident, and what of it lives, after all that is garbage has gone. */
async function memory() {
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await sleep(50);
  }
  const { rss, heapUsed } = process.memoryUsage();
  return { rss, heapUsed };
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const mb = (bytes) => (bytes / 2 ** 20).toFixed(1);
const victims = (name) => Array.from({ length: VICTIMS }, (_, i) => `${name}-${i}`);
const blocked = victims('blocked');
const refusing = victims('refusing');

await times(KNOWN, (i) => limiter.peek(policy, `warm-${i}`));
const empty = await memory();
for (const key of blocked) await limiter.block(policy, key);
for (const key of refusing) await limiter.consume(policy, key, { cost: 10 });

const rounds = [];
for (let round = 0; round < ROUNDS; round++) {
  const first = round * MILLION;
  const flood = await times(MILLION, (i) => limiter.consume(policy, `key-${first + i}`));
  // In turns, for the machine is not always equally fast. The newest keys of the flood are known to the store.
  const known = first + MILLION - KNOWN;
  const steady = await times(MILLION / 10, (i) => limiter.consume(policy, `key-${known + (i % KNOWN)}`));
  rounds.push({ flood, steady, ...(await memory()) });
}

const freed = { blocked: 0, refusing: 0 };
for (const key of blocked) freed.blocked += Number((await limiter.peek(policy, key)).allowed);
for (const key of refusing) freed.refusing += Number((await limiter.peek(policy, key)).allowed);
await app.close();

console.table(
  rounds.map(({ flood, steady, rss, heapUsed }, i) => ({
    'keys seen': `${i + 1} M`,
    'new keys/s': Math.round(flood),
    'known keys/s': Math.round(steady),
    'resident MB': mb(rss),
    'heap MB': mb(heapUsed),
  })),
);
const ratio = median(rounds.map(({ flood, steady }) => flood / steady));
const growth = rounds.at(-1).rss / rounds[0].rss - 1;
const perKey = (rounds.at(-1).heapUsed - empty.heapUsed) / MAX_KEYS;
const bounds = [
  [`bytes of heap per bucket: ${perKey.toFixed(0)}`, perKey < 1000],
  [
    `resident memory from 1 M keys to 5 M: ${(100 * growth).toFixed(1)}% (within 10%)`,
    Math.abs(growth) <= 0.1,
  ],
  [`throughput of new keys: ${ratio.toFixed(2)} of known ones (at least 0.5)`, ratio >= 0.5],
  [`freed early of ${VICTIMS} blocked: ${freed.blocked}`, freed.blocked === 0],
  [`freed early of ${VICTIMS} that refuse: ${freed.refusing}`, freed.refusing === 0],
];
for (const [text, holds] of bounds) console.log(`${holds ? 'ok  ' : 'FAIL'} ${text}`);
if (bounds.some(([, holds]) => !holds)) process.exitCode = 1;
