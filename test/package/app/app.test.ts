import 'reflect-metadata';
import { afterEach, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { appModule } from './app.module.js';
import { checkApp } from './check-app.js';

let app: INestApplication | undefined;

afterEach(async () => {
  await app?.close();
});

async function boot(redis?: string): Promise<INestApplication> {
  const module = await Test.createTestingModule({ imports: [appModule(redis)] }).compile();
  app = module.createNestApplication({ logger: false });
  return app;
}

it('runs in jest as CommonJS', async () => {
  await expect(checkApp(await boot(), 'memory')).resolves.toBeUndefined();
});

it('loads ioredis there', async () => {
  await expect(checkApp(await boot(process.env.REDIS_URL), 'redis')).resolves.toBeUndefined();
});
