import 'reflect-metadata';
import assert from 'node:assert/strict';
import { NestFactory } from '@nestjs/core';
import { appModule } from './app.module.js';
import { checkApp } from './check-app.js';

const boot = (redis?: string) => NestFactory.create(appModule(redis), { logger: false, abortOnError: false });

/** With REDIS_URL, where ioredis is installed, and in memory, where it is not. */
async function main() {
  const redis = process.env.REDIS_URL;
  const app = await boot(redis);
  await checkApp(app, redis ? 'redis' : 'memory');
  await app.close();
  if (!redis) await assert.rejects(boot('redis://127.0.0.1'), { code: 'IOREDIS_MISSING' });
}

void main();
