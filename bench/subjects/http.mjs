// One route of a NestJS application on Express or Fastify, with a limiter of each kind before it.

import fastifyRateLimit from '@fastify/rate-limit';
import { ThrottlerStorageRedisService } from '@nest-lab/throttler-storage-redis';
import { Controller, Get, Module } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import { rateLimit } from 'express-rate-limit';
import { cpuHere } from '../lib/cpu.mjs';
import { RateLimitModule, TokenBucket } from '../lib/floodgate.mjs';
import { LARGE } from '../lib/keys.mjs';

const HOUR = 3_600_000;

/** `@Controller('cats') class { @Get() find() { … } }`, and perhaps a decorator on the method. */
function controller(...decorators) {
  class Cats {
    find() {
      return 'a cat';
    }
  }
  const method = Object.getOwnPropertyDescriptor(Cats.prototype, 'find');
  for (const decorate of [Get(), ...decorators]) decorate(Cats.prototype, 'find', method);
  Controller('cats')(Cats);
  return Cats;
}

class Passing {
  canActivate() {
    return true;
  }
}
const passing = { provide: APP_GUARD, useClass: Passing };

/** Behind a proxy that tells the address, for there is one address on this machine and the limits are for many. */
const PLATFORMS = {
  express: () => {
    const adapter = new ExpressAdapter();
    adapter.getInstance().set('trust proxy', 1);
    return adapter;
  },
  fastify: () => new FastifyAdapter({ trustProxy: 1 }),
};

async function serve(platform, { imports = [], providers = [], decorators = [] }, prepare = () => undefined) {
  class AppModule {}
  Module({ imports, providers, controllers: [controller(...decorators)] })(AppModule);
  const app = await NestFactory.create(AppModule, PLATFORMS[platform](), {
    logger: false,
    abortOnError: false,
  });
  await prepare(app);
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address();
  return { port: () => port, cpu: () => cpuHere() };
}

/** What the others are compared with: a guard that lets everything pass. */
export const control = ({ platform }) => serve(platform, { providers: [passing] });

export const ours = ({ platform, urls }) => {
  const redis = urls.length > 0 ? { redis: urls[0], storeTimeoutMs: 60_000 } : {};
  return serve(platform, {
    imports: [RateLimitModule.forRoot(redis)],
    decorators: [TokenBucket({ capacity: LARGE, rate: 1 })],
  });
};

export const throttler = ({ platform, urls }) => {
  const storage = urls.length > 0 ? { storage: new ThrottlerStorageRedisService(urls[0]) } : {};
  return serve(platform, {
    imports: [ThrottlerModule.forRoot({ throttlers: [{ ttl: HOUR, limit: LARGE }], ...storage })],
    providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
  });
};

/** The limiter that each platform has of its own, before the route with the guard of the control. */
export const platforms = ({ platform }) =>
  serve(platform, { providers: [passing] }, async (app) => {
    if (platform === 'express')
      return app.use(
        rateLimit({ windowMs: HOUR, limit: LARGE, standardHeaders: 'draft-8', legacyHeaders: false }),
      );
    return app.register(fastifyRateLimit, { max: LARGE, timeWindow: HOUR, cache: 100_000 });
  });
