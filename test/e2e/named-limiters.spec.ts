import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable, Module, type Type } from '@nestjs/common';
import {
  BoundRateLimiter,
  InjectRateLimiter,
  type Policy,
  RateLimit,
  RateLimiterService,
  RateLimitModule,
  TokenBucket,
  tokenBucket,
} from '../../lib/index.js';
import { type AppOptions, bootApp, closeApps } from '../support/app.js';
import { expectMistake } from '../support/mistake.js';

const chat = tokenBucket({ name: 'chat', capacity: 3, rate: '1/h' });

afterEach(closeApps);

/** A module whose service injects the limiter of a policy. */
function featureWith(policy: Policy | string, imported: readonly (Policy | string)[] = [policy]) {
  @Injectable()
  class Chats {
    constructor(@InjectRateLimiter(policy) readonly limiter: BoundRateLimiter) {}
  }

  @Module({ imports: [RateLimitModule.forFeature(...imported)], providers: [Chats], exports: [Chats] })
  class ChatModule {}

  return { Chats, ChatModule };
}

async function limiterOf(policy: Policy | string, options: AppOptions = {}): Promise<BoundRateLimiter> {
  const { Chats, ChatModule } = featureWith(policy);
  const { app } = await bootApp({ ...options, imports: [ChatModule, ...(options.imports ?? [])] });
  return app.get<InstanceType<typeof Chats>>(Chats, { strict: false }).limiter;
}

describe('a named policy that is injected', () => {
  it('by its value is defined by it, and is the same bucket as that of the service and of a route', async () => {
    @Controller('chats')
    class ChatController {
      @Get()
      @RateLimit('chat')
      list() {
        return 'ok';
      }
    }
    const { Chats, ChatModule } = featureWith(chat);
    const { app, request } = await bootApp({
      imports: [ChatModule],
      controllers: [ChatController],
      rateLimit: { key: () => 'ada' },
    });
    const { limiter } = app.get<InstanceType<typeof Chats>>(Chats, { strict: false });
    expect(await limiter.consume('ada')).toMatchObject({ policy: 'chat', key: 'ada', remaining: 2 });
    expect(await app.get(RateLimiterService).consume('chat', 'ada')).toMatchObject({ remaining: 1 });
    expect((await request('/chats')).status).toBe(200);
    expect((await request('/chats')).status).toBe(429);
  });

  it.each<[string, AppOptions]>([
    ['forRoot', { rateLimit: { policies: [chat] } }],
    ['a decorator', { controllers: [namedByDecorator()] }],
    ['another forFeature', { imports: [RateLimitModule.forFeature(chat)] }],
  ])('by its name is that of %s', async (_, options) => {
    const limiter = await limiterOf('chat', options);
    expect(await limiter.consume('ada', { cost: 2 })).toMatchObject({ limit: 3, remaining: 1 });
  });

  it('has every method of the service, for its policy', async () => {
    const limiter = await limiterOf(chat);
    const decision = await limiter.consume('ada');
    expect(await limiter.peek('ada', { cost: 0 })).toMatchObject({ remaining: 2 });
    expect(await limiter.acquire('ada')).toMatchObject({ remaining: 1 });
    expect(await limiter.run('ada', ({ remaining }) => remaining)).toBe(0);
    expect(await limiter.refund('ada', 2)).toBe(true);
    expect(await limiter.sync('ada', { remaining: 1, decision })).toMatchObject({ allowed: false });
    expect(await limiter.block('ada')).toMatchObject({ retryAfterMs: null });
    expect(await limiter.unblock('ada')).toBe(true);
    expect(await limiter.reset('ada')).toBe(true);
    await new Promise<void>((resolve) => void limiter.schedule('ada', resolve));
    expect(limiter.progress('bob')).toEqual({ waiting: 0, running: 0, nextStartMs: null });
  });

  it('works where several modules ask for it, each with policies of its own', async () => {
    const [one, other] = [featureWith(chat), featureWith('mail', [chat, 'mail'])];
    const { app } = await bootApp({
      imports: [one.ChatModule, other.ChatModule],
      rateLimit: { policies: [tokenBucket({ name: 'mail', capacity: 5, rate: 1 })] },
    });
    const limiters = [one, other].map(({ Chats }) =>
      app.get<{ limiter: BoundRateLimiter }>(Chats, { strict: false }),
    );
    const [first, second] = await Promise.all(limiters.map(({ limiter }) => limiter.consume('ada')));
    expect([first?.policy, second?.policy]).toEqual(['chat', 'mail']);
  });
});

describe('a mistake with a named policy', () => {
  it('a name that names nothing stops the boot', async () => {
    await expectMistake(() => limiterOf('chta', { rateLimit: { policies: [chat] } }), {
      code: 'UNKNOWN_POLICY',
      place: 'RateLimitModule.forFeature',
      value: '"chta" (string) names no policy',
      fix: "known are: 'chat'",
    });
  });

  it('a value that contradicts the policy of that name stops the boot', async () => {
    const other = tokenBucket({ name: 'chat', capacity: 4, rate: '1/h' });
    await expectMistake(() => limiterOf(other, { rateLimit: { policies: [chat] } }), {
      code: 'POLICY_CONFLICT',
      place: 'RateLimitModule.forFeature',
      value: 'capacity 4',
      fix: 'give one of them another name',
    });
  });

  it('a module that does not import it does not boot, and Nest says what to import', async () => {
    const { ChatModule } = featureWith(chat, []);
    await expect(bootApp({ imports: [ChatModule] })).rejects.toThrow("RateLimitModule.forFeature('chat')");
  });

  it.each([
    ['RateLimitModule.forFeature', () => RateLimitModule.forFeature(tokenBucket({ capacity: 3, rate: 1 }))],
    ['@InjectRateLimiter', () => InjectRateLimiter(tokenBucket({ capacity: 3, rate: 1 }))],
  ])('%s needs a policy with a name', async (place, make) => {
    await expectMistake(make, {
      code: 'POLICY_NEEDS_NAME',
      place,
      value: 'the token-bucket of capacity 3 has no name',
      fix: "give it one: name: 'chat'",
    });
  });

  it.each([undefined, null, '', 5, {}])('and no %p', async (policy) => {
    await expectMistake(() => RateLimitModule.forFeature(policy as never), {
      code: 'INVALID_OPTION',
      place: 'RateLimitModule.forFeature',
      value: 'the policy is ',
      fix: "write a policy with a name, or its name: 'chat'",
    });
  });
});

function namedByDecorator(): Type {
  @Controller('chats')
  class ChatController {
    @Get()
    @TokenBucket({ name: 'chat', capacity: 3, rate: '1/h' })
    list() {
      return 'ok';
    }
  }
  return ChatController;
}
