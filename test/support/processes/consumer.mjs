// A process of its own: an application with the service on Redis. Says `ready`, and on `go` sends all its requests at
// once, then says how many were admitted.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

const { lib, url, prefix, capacity, rate, requests } = JSON.parse(process.argv[2]);
const { RateLimitModule, RateLimiterService, tokenBucket } = await import(lib);

const policy = tokenBucket({ name: 'shared', capacity, rate });
class AppModule {}
Module({
  imports: [RateLimitModule.forRoot({ storeTimeoutMs: 10_000, redis: url, prefix, policies: [policy] })],
})(AppModule);

const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
const limiter = app.get(RateLimiterService);
await limiter.peek(policy, 'key');

process.on('message', async () => {
  const decisions = await Promise.all(Array.from({ length: requests }, () => limiter.consume(policy, 'key')));
  process.send({ admitted: decisions.filter(({ allowed }) => allowed).length });
  await app.close();
  process.disconnect();
});
process.send('ready');
