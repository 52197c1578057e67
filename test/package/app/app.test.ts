import 'reflect-metadata';
import { afterEach, expect, it } from '@jest/globals';
import type { DynamicModule, INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { appModule } from './app.module.js';
import { checkApp } from './check-app.js';
import { checkKit, checkOwnStore, kitModule, ownStoreModule } from './check-kit.js';

let app: INestApplication | undefined;

afterEach(async () => {
  await app?.close();
});

const boot = (redis?: string): Promise<INestApplication> => create(appModule(redis));

async function create(root: DynamicModule): Promise<INestApplication> {
  const module = await Test.createTestingModule({ imports: [root] }).compile();
  app = module.createNestApplication({ logger: false });
  return app;
}

it('runs in jest as CommonJS', async () => {
  await expect(checkApp(await boot(), 'memory')).resolves.toBeUndefined();
});

it('loads ioredis there', async () => {
  await expect(checkApp(await boot(process.env.REDIS_URL), 'redis')).resolves.toBeUndefined();
});

it('finds the other entries of the package', async () => {
  await expect(checkKit(await create(kitModule()))).resolves.toBeUndefined();
  await expect(checkOwnStore(await create(ownStoreModule()))).resolves.toBeUndefined();
});
