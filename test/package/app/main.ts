import 'reflect-metadata';
import assert from 'node:assert/strict';
import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { appModule } from './app.module.js';
import { checkApp } from './check-app.js';
import { checkKit, checkOwnStore, kitModule, ownStoreModule } from './check-kit.js';

const create = (module: DynamicModule) => NestFactory.create(module, { logger: false, abortOnError: false });
const boot = (redis?: string) => create(appModule(redis));

/** With REDIS_URL, where ioredis is installed, and in memory, where it is not. */
async function main() {
  const redis = process.env.REDIS_URL;
  const app = await boot(redis);
  await checkApp(app, redis ? 'redis' : 'memory');
  await app.close();
  await checkKit(await create(kitModule()));
  await checkOwnStore(await create(ownStoreModule()));
  if (!redis) await assert.rejects(boot('redis://127.0.0.1'), { code: 'IOREDIS_MISSING' });
}

void main();
