// The application of a taker: routes and a service on the known buckets.
import {
  Controller,
  Get,
  type INestApplication,
  type LoggerService,
  Module,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  byParam,
  type Decision,
  leakyBucket,
  type Policy,
  RateLimit,
  RateLimitDecision,
  RateLimitModule,
  type RateLimitModuleOptions,
  tokenBucket,
} from 'nestjs-floodgate';
import { type LoadPolicy, type PolicyName, policies } from '../policies.js';
import type { TakerConfig } from './config.js';

function made(of: LoadPolicy, param = 'key'): Policy {
  const { name, algorithm, capacity, tokens, perSeconds, onStoreError, maxWaitMs, leasedMs } = of;
  const options = {
    name,
    capacity,
    rate: `${tokens}/${perSeconds}s`,
    onStoreError,
    key: byParam(param),
  } as const;
  const lease = leasedMs === undefined ? {} : { lease: { ttlMs: leasedMs, perSecond: 1 } };
  if (algorithm === 'token-bucket') return tokenBucket({ ...options, ...lease });
  return leakyBucket({ ...options, ...(maxWaitMs === undefined ? {} : { maxWaitMs }) });
}

export const limits: Record<PolicyName, Policy> = {
  ledger: made(policies.ledger),
  api: made(policies.api),
  user: made(policies.user, 'user'),
  line: made(policies.line),
  open: made(policies.open),
  shut: made(policies.shut),
  ahead: made(policies.ahead),
};

@Controller()
class TakeController {
  @Get('plain/:key')
  plain() {
    return [];
  }

  @Get('ledger/:key')
  @RateLimit(limits.ledger)
  ledger(@RateLimitDecision() decision: Decision) {
    return [decision];
  }

  @Get('api/:key')
  @RateLimit(limits.api)
  api(@RateLimitDecision() decision: Decision) {
    return [decision];
  }

  @Get('stack/:key/:user')
  @RateLimit(limits.api)
  @RateLimit(limits.user)
  stack(@RateLimitDecision('api') api: Decision, @RateLimitDecision('user') user: Decision) {
    return [api, user];
  }

  @Get('line/:key')
  @RateLimit(limits.line)
  line(@RateLimitDecision() decision: Decision) {
    return [decision];
  }

  @Get('open/:key')
  @RateLimit(limits.open)
  open(@RateLimitDecision() decision: Decision) {
    return [decision];
  }

  @Get('shut/:key')
  @RateLimit(limits.shut)
  shut(@RateLimitDecision() decision: Decision) {
    return [decision];
  }
}

/** Refusals tell their decisions too, so that the diary knows who has decided. */
const refusal: RateLimitModuleOptions['refusal'] = { body: ({ decisions }) => ({ decisions }) };

export async function bootApp(
  { adapter, prefix, storeTimeoutMs }: TakerConfig,
  { redis, store }: Pick<RateLimitModuleOptions, 'redis' | 'store'>,
  logger: LoggerService,
): Promise<INestApplication> {
  const where = store === undefined ? { redis } : { store };
  const options = { ...where, prefix, storeTimeoutMs, refusal, policies: Object.values(limits) };
  const root = RateLimitModule.forRoot(options as RateLimitModuleOptions);
  @Module({ imports: [root], controllers: [TakeController as Type] })
  class TakerModule {}
  const http = adapter === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
  const app = await NestFactory.create(TakerModule, http, { logger, abortOnError: false });
  await app.listen(0, '127.0.0.1');
  // A connection that the server closes for being idle, as it is asked again, is an error of its client.
  app.getHttpServer().keepAliveTimeout = 600_000;
  return app;
}
