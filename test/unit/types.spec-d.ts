// What compiles and what does not: `npm run typecheck` fails where a line below means something else. Never run.
import { Controller, Get, Module } from '@nestjs/common';
import type { Cluster as Cluster6, Redis as Redis6, RedisOptions as RedisOptions6 } from 'ioredis';
import type { Cluster as Cluster5, Redis as Redis5, RedisOptions as RedisOptions5 } from 'ioredis5';
import {
  type BucketState,
  byAll,
  byHeader,
  byIp,
  byParam,
  byUser,
  type CombinedDecision,
  type Decision,
  errorCodes,
  type KeyResolver,
  LeakyBucket,
  leakyBucket,
  type Policy,
  RateLimit,
  type RateLimitAdmin,
  RateLimitDecision,
  RateLimitError,
  type RateLimitErrorCode,
  type RateLimiterService,
  RateLimitModule,
  type RateLimitModuleOptions,
  type RateLimitOptionsFactory,
  type Reservation,
  type Settlement,
  SkipRateLimit,
  TokenBucket,
  tokenBucket,
} from 'nestjs-floodgate';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <_T extends true>(): void => {};

const chat: Policy = tokenBucket({ name: 'chat', capacity: 10, rate: 5 });
const mail: Policy = leakyBucket({ capacity: 10, rate: '5/min', maxWaitMs: 100, shape: true });

export function clients(five: Redis5, six: Redis6, cluster5: Cluster5, cluster6: Cluster6): void {
  for (const redis of [five, six, cluster5, cluster6]) RateLimitModule.forRoot({ redis });
  RateLimitModule.forRoot({ redis: five });
  RateLimitModule.forRoot({ redis: six });
  RateLimitModule.forRoot({ redis: cluster5 });
  RateLimitModule.forRoot({ redis: cluster6 });
  RateLimitModule.forRoot({ redis: process.env.REDIS_URL });
  RateLimitModule.forRoot({ redis: { host: 'localhost', port: 6379 } });
  // @ts-expect-error a port is no address
  RateLimitModule.forRoot({ redis: 6379 });
  // @ts-expect-error neither is a list
  RateLimitModule.forRoot({ redis: [six] });
}

export function connections(five: RedisOptions5, six: RedisOptions6): void {
  RateLimitModule.forRoot({ redis: five });
  RateLimitModule.forRoot({ redis: six });
}

export function refusals(error: Error): void {
  RateLimitModule.forRoot({ refusal: { message: 'No.', status: 503, body: (_, problem) => problem } });
  RateLimitModule.forRoot({ refusal: { message: ({ decision }) => decision.policy, body: () => 'No.' } });
  RateLimitModule.forRoot({ refusal: { exceptionFactory: ({ context }) => error ?? context } });
  // @ts-expect-error the exception says it all
  RateLimitModule.forRoot({ refusal: { message: 'No.', exceptionFactory: () => error } });
  // @ts-expect-error nobody awaits it
  RateLimitModule.forRoot({ refusal: { message: async () => 'No.' } });
  // @ts-expect-error nor this
  RateLimitModule.forRoot({ refusal: { exceptionFactory: async () => error } });
}

export function moduleOptions(): void {
  RateLimitModule.forRoot();
  RateLimitModule.forRoot({
    prefix: 'a',
    memory: { maxKeys: 5 },
    key: byIp(),
    policies: [chat],
    global: [mail],
  });
  RateLimitModule.forRoot({ headers: 'both', isGlobal: false });
  RateLimitModule.forRoot({ shadow: true });
  RateLimitModule.forRoot({ shadow: { headers: true } });
  // @ts-expect-error neither on nor off
  RateLimitModule.forRoot({ shadow: 'on' });
  // @ts-expect-error misspelt
  RateLimitModule.forRoot({ polices: [chat] });
  // @ts-expect-error misspelt inside
  RateLimitModule.forRoot({ memory: { max: 5 } });
  // @ts-expect-error options are no policy
  RateLimitModule.forRoot({ policies: [{ name: 'chat', capacity: 10, rate: 5 }] });
  // @ts-expect-error no header style
  RateLimitModule.forRoot({ headers: 'draft-7' });
  // @ts-expect-error a resolver that is not called
  RateLimitModule.forRoot({ key: byUser });
}

class Options implements RateLimitOptionsFactory {
  createRateLimitOptions(): RateLimitModuleOptions {
    return { policies: [chat] };
  }
}

export function asyncOptions(): void {
  RateLimitModule.forRootAsync({ useClass: Options, isGlobal: true });
  RateLimitModule.forRootAsync({ useExisting: Options });
  RateLimitModule.forRootAsync({
    inject: [Options],
    useFactory: async (options: Options) => options.createRateLimitOptions(),
  });
  // @ts-expect-error the factory returns no options
  RateLimitModule.forRootAsync({ useFactory: () => ({ headers: 'draft-7' }) });
}

export function policyOptions(key: KeyResolver): void {
  tokenBucket({ capacity: 10, rate: '5/s', key, cost: 2, stage: 'handler', name: 'chat' });
  tokenBucket({ capacity: 10, rate: 5, key: () => 'key', cost: async () => 1 });
  tokenBucket({ capacity: 10, rate: 5, shadow: { headers: false } });
  // @ts-expect-error misspelt
  tokenBucket({ capacity: 10, rate: 5, shadow: { header: true } });
  tokenBucket({
    capacity: 10,
    rate: 5,
    key: byAll(byHeader('a'), byParam('b'), byUser('c', { anonymous: byIp() })),
  });
  // @ts-expect-error misspelt
  tokenBucket({ capcity: 10, rate: 5 });
  // @ts-expect-error no rate
  tokenBucket({ capacity: 10 });
  // @ts-expect-error a text
  tokenBucket({ capacity: '10', rate: 5 });
  // @ts-expect-error only a leaky bucket waits
  tokenBucket({ capacity: 10, rate: 5, maxWaitMs: 5 });
  // @ts-expect-error misspelt
  leakyBucket({ capacity: 10, rate: 5, maxWait: 5 });
  // @ts-expect-error no stage
  leakyBucket({ capacity: 10, rate: 5, stage: 'before' });
  // @ts-expect-error a number is no key
  leakyBucket({ capacity: 10, rate: 5, key: () => 5 });
  // @ts-expect-error a text is no cost
  leakyBucket({ capacity: 10, rate: 5, cost: () => '5' });
  // @ts-expect-error misspelt
  byIp({ prefix: 64 });
  // @ts-expect-error a policy is finished
  chat.capacity = 11;
}

@Controller()
@TokenBucket({ capacity: 10, rate: 5 })
@LeakyBucket({ capacity: 10, rate: 5, shape: false })
@RateLimit(chat)
@RateLimit('chat')
@SkipRateLimit()
@SkipRateLimit('chat', mail)
export class Cats {
  // @ts-expect-error on a property no request arrives
  @TokenBucket({ capacity: 10, rate: 5 })
  name = 'Tom';

  @Get()
  @TokenBucket({ capacity: 10, rate: 5, name: 'cats' })
  @LeakyBucket({ capacity: 10, rate: 5, maxWaitMs: 0 })
  @RateLimit(mail)
  @RateLimit('chat')
  @SkipRateLimit()
  @SkipRateLimit('chat', chat)
  find(@RateLimitDecision() any?: Decision, @RateLimitDecision('chat') named?: Decision) {
    return [any, named];
  }

  // @ts-expect-error a limit has options
  @TokenBucket()
  // @ts-expect-error a limit is called
  @TokenBucket
  // @ts-expect-error options are no policy
  @RateLimit({ capacity: 10, rate: 5 })
  // @ts-expect-error an exemption is called
  @SkipRateLimit
  list() {}
}

@Module({ imports: [RateLimitModule.forRoot()], controllers: [Cats] })
export class AppModule {}

export async function service(limiter: RateLimiterService): Promise<void> {
  holds<Equal<Awaited<ReturnType<typeof limiter.consume>>, Decision>>();
  holds<Equal<Awaited<ReturnType<typeof limiter.peek>>, Decision>>();
  holds<Equal<Awaited<ReturnType<typeof limiter.consumeAll>>, CombinedDecision>>();
  await limiter.consume('chat', 'ada', { cost: 2 });
  await limiter.consumeAll([
    { policy: chat, key: 'ada' },
    { policy: 'mail', key: 'ada', cost: 0 },
  ] as const);
  // @ts-expect-error a number is no key
  await limiter.consume(chat, 5);
  // @ts-expect-error a cost is an option
  await limiter.consume(chat, 'ada', 2);
  // @ts-expect-error misspelt
  await limiter.consume(chat, 'ada', { costs: 2 });
  // @ts-expect-error what is given back has a size
  await limiter.refund(chat, 'ada');
}

export async function settling(limiter: RateLimiterService): Promise<void> {
  const reservation = await limiter.reserve('chat', 'ada', { cost: 2, ttlMs: 5000 });
  holds<Equal<typeof reservation, Reservation>>();
  holds<Equal<Awaited<ReturnType<typeof limiter.settle>>, Settlement>>();
  await limiter.settle(reservation, 1);
  await limiter.settle({ policy: 'chat', key: 'ada', id: reservation.id }, 1);
  // @ts-expect-error what it was has a size
  await limiter.settle(reservation);
  // @ts-expect-error an id alone does not say whose it is
  await limiter.settle({ id: 'x' }, 1);
  tokenBucket({
    capacity: 1,
    rate: 1,
    settle: async (_, { error, result, aborted }) => (error || result || aborted ? 1 : 0),
  });
  // @ts-expect-error a cost is a number
  tokenBucket({ capacity: 1, rate: 1, settle: () => 'many' });
}

export async function administration(admin: RateLimitAdmin): Promise<void> {
  holds<Equal<Awaited<ReturnType<typeof admin.find>>, BucketState[]>>();
  holds<Equal<Awaited<ReturnType<typeof admin.fullest>>, BucketState[]>>();
  holds<Equal<ReturnType<typeof admin.explain>['unlimited'], readonly string[]>>();
  await admin.block('ada', { until: new Date() }, ['chat', chat]);
  await admin.block('ada', { until: 'unblocked' });
  await admin.reset('ada', [chat] as const);
  // @ts-expect-error for how long
  await admin.block('ada', {});
  // @ts-expect-error one of the two
  await admin.block('ada', { forMs: 5, until: 5 });
  // @ts-expect-error a list
  await admin.reset('ada', 'chat');
}

interface ExpectedDecision {
  readonly allowed: boolean;
  readonly policy: string;
  readonly key: string;
  readonly limit: number;
  readonly remaining: number;
  readonly retryAfterMs: number | null;
  readonly resetAfterMs: number;
  readonly delayMs: number;
  readonly source: 'redis' | 'custom' | 'memory' | 'allow' | 'deny';
  readonly shadow?: 'admitted' | 'refused';
}

holds<
  Equal<{ [K in keyof Decision]: Decision[K] }, { [K in keyof ExpectedDecision]: ExpectedDecision[K] }>
>();
holds<Equal<CombinedDecision['tightest'], Decision>>();
holds<Equal<CombinedDecision['decisions'], readonly Decision[]>>();
holds<Equal<RateLimitError['code'], RateLimitErrorCode>>();
holds<Equal<keyof typeof errorCodes, RateLimitErrorCode>>();
holds<Equal<Policy['algorithm'], 'token-bucket' | 'leaky-bucket'>>();
