// A process of its own: takes from two lines at once, with random costs. Says `ready`; on `go` it asks for everything at
// once, and then says when each request starts in each line, in microseconds of the server's clock, and what it costs.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

const { lib, url, prefix, lines, requests } = JSON.parse(process.argv[2]);
const { leakyBucket, RateLimitModule, RateLimiterService } = await import(`${lib}/index.js`);
const { Limiter } = await import(`${lib}/limiter/limiter.js`);

const policies = lines.map((line) => leakyBucket(line));
class AppModule {}
Module({ imports: [RateLimitModule.forRoot({ storeTimeoutMs: 10_000, redis: url, prefix, policies })] })(
  AppModule,
);

const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
const service = app.get(RateLimiterService);
const limiter = app.get(Limiter);

// What a transaction has written tells its slot in each line: the level that it has found, before its cost.
const decideAll = limiter.decideAll.bind(limiter);
const starts = [];
limiter.decideAll = (charges, terms, answer) =>
  decideAll(charges, terms, (judgement) => {
    note(charges, judgement);
    return answer(judgement);
  });

function note(charges, judgement) {
  if (judgement.admitted && judgement.changes.length > 0) {
    const costs = charges.map(({ cost }) => cost);
    const slots = judgement.changes.map(({ after }, i) => {
      const { level, at, ticksPerToken, ticksPerMicro } = after;
      return at + (level - costs[i] * ticksPerToken) / ticksPerMicro;
    });
    starts.push({ costs, slots });
  }
}

process.on('message', async () => {
  const cost = () => 1 + Math.floor(Math.random() * 5);
  const request = () => service.consumeAll(policies.map((policy) => ({ policy, key: 'all', cost: cost() })));
  await Promise.all(Array.from({ length: requests }, request));
  process.send(starts);
  await app.close();
  process.disconnect();
});
process.send('ready');
