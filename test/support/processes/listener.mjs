// A process of its own, in which a subscriber of the shadow channel throws. Prints what its callers got, and what the process
// was told.
import 'reflect-metadata';
import { subscribe } from 'node:diagnostics_channel';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

const { lib } = JSON.parse(process.argv[2]);
const { RateLimiterService, RateLimitModule, tokenBucket } = await import(`${lib}/index.js`);

class AppModule {}
Module({ imports: [RateLimitModule.forRoot()] })(AppModule);

const trial = tokenBucket({ name: 'trial', capacity: 1, rate: '1/h', shadow: true });
const uncaught = [];
process.on('uncaughtException', ({ message }) => uncaught.push(message));
subscribe('nestjs-floodgate:shadow', () => {
  throw new Error('a subscriber has thrown');
});

const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
const service = app.get(RateLimiterService);
const decisions = [await service.consume(trial, 'ada'), await service.consume(trial, 'ada')];
await new Promise((resolve) => setImmediate(resolve));
console.log(JSON.stringify({ shadows: decisions.map(({ shadow }) => shadow), uncaught }));
await app.close();
