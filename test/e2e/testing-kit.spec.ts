// The kit that users test their applications with: through HTTP, the service, and a module of a user's own.
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, type INestApplication, Injectable, Module, Post, UseGuards } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  BoundRateLimiter,
  byGlobal,
  byHeader,
  type Decision,
  errorCodes,
  InjectRateLimiter,
  LeakyBucket,
  RateLimit,
  RateLimitDecision,
  RateLimiterService,
  RateLimitModule,
  SkipRateLimit,
  TokenBucket,
  tokenBucket,
} from 'nestjs-floodgate';
import {
  assertLimited,
  policiesOf,
  RateLimitTesting,
  RateLimitTestingModule,
} from 'nestjs-floodgate/testing';

const chat = tokenBucket({ name: 'chat', capacity: 2, rate: 1, key: byHeader('x-user') });

@Controller()
@TokenBucket({ name: 'all', capacity: 5, rate: '5/h' })
class ChatController {
  @Post('chat')
  @RateLimit(chat)
  say(@RateLimitDecision('chat') decision: Decision) {
    return { left: decision.remaining };
  }

  @Get('mail')
  @LeakyBucket({ capacity: 3, rate: '1/min', key: byGlobal() })
  mail(@RateLimitDecision('ChatController.mail') decision: Decision) {
    return { delayMs: decision.delayMs };
  }

  @Get('big')
  @TokenBucket({ capacity: 1, rate: 1, cost: () => 2 })
  big() {}

  @Get('free')
  @SkipRateLimit()
  free() {}

  helper() {}
}

@Controller('trial')
class TrialController {
  @Get()
  @TokenBucket({ name: 'tried', capacity: 1, rate: 1, shadow: true })
  trial() {}
}

@Injectable()
class Sender {
  constructor(@InjectRateLimiter(chat) readonly limiter: BoundRateLimiter) {}
}

/** Listens where a server of Redis would, and counts who comes. */
let server: ReturnType<typeof createServer>;
let connections: number;
let app: INestApplication;
let testing: RateLimitTesting;

beforeEach(async () => {
  connections = 0;
  server = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  await app?.close();
  await new Promise((resolve) => server.close(resolve));
});

/** The application of a user, as it is written for production. */
async function boot(): Promise<void> {
  const { port } = server.address() as { port: number };
  @Module({
    imports: [
      RateLimitModule.forRoot({ redis: `redis://127.0.0.1:${port}` }),
      RateLimitModule.forFeature(chat),
    ],
    controllers: [ChatController, TrialController],
    providers: [Sender],
  })
  class AppModule {}
  await start(RateLimitTestingModule.override(Test.createTestingModule({ imports: [AppModule] })));
}

async function start(builder: ReturnType<typeof Test.createTestingModule>): Promise<void> {
  app = (await builder.compile()).createNestApplication({ logger: false });
  await app.listen(0, '127.0.0.1');
  testing = app.get(RateLimitTesting);
}

const ask = (path: string, init?: RequestInit): Promise<Response> => {
  const { port } = app.getHttpServer().address() as { port: number };
  return fetch(`http://127.0.0.1:${port}${path}`, init);
};
const say = (user = 'ada') => ask('/chat', { method: 'POST', headers: { 'x-user': user } });
const delayOf = async (response: Response): Promise<number> =>
  ((await response.json()) as { delayMs: number }).delayMs;
const statuses = async (count: number, request: () => Promise<Response>): Promise<number[]> => {
  const found: number[] = [];
  for (let i = 0; i < count; i++) found.push((await request()).status);
  return found;
};

describe('an application that is told nothing', () => {
  beforeEach(boot);

  it('connects to no server', async () => {
    await say();
    expect(connections).toBe(0);
  });

  it('refuses nothing, and tells each request of a full bucket', async () => {
    expect(await statuses(20, say)).toEqual(Array(20).fill(201));
    const response = await say();
    expect(await response.json()).toEqual({ left: 1 });
    expect(response.headers.get('RateLimit')).toBe('"all";r=4;t=720, "chat";r=1;t=1');
    expect(response.headers.get('RateLimit-Policy')).toBe('"all";q=5;w=3600, "chat";q=2;w=2');
  });

  it('lets nothing wait: a leaky bucket has every place free', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask('/mail')));
    expect(await Promise.all(answers.map((answer) => answer.json()))).toEqual(Array(10).fill({ delayMs: 0 }));
  });

  it('still asks who is limited, and refuses what a full bucket would', async () => {
    expect((await ask('/chat', { method: 'POST' })).status).toBe(201);
    const response = await ask('/big');
    expect(response.status).toBe(429);
    expect(response.headers.get('Retry-After')).toBeNull();
  });

  it('settles a reservation once, and gives nothing back of a bucket that is not kept', async () => {
    const limiter = app.get(RateLimiterService);
    const reservation = await limiter.reserve(chat, 'ada', { cost: 2 });
    expect(await limiter.settle(reservation, 1)).toEqual({ settled: true, charged: 0 });
    expect(await limiter.settle(reservation, 1)).toEqual({ settled: false, charged: 0 });
    testing.enforce(chat);
    const kept = await limiter.reserve(chat, 'ada', { cost: 2 });
    expect(await limiter.settle(kept, 1)).toEqual({ settled: true, charged: -1 });
  });

  it('is the same for the service and for a bound limiter', async () => {
    const service = app.get(RateLimiterService);
    const { limiter } = app.get(Sender);
    for (let i = 0; i < 5; i++) {
      expect(await service.consume(chat, 'ada')).toMatchObject({ allowed: true, remaining: 1 });
      expect(await limiter.acquire('ada', { cost: 2 })).toMatchObject({ allowed: true, delayMs: 0 });
      expect(await service.consumeAny([{ policy: chat, key: 'ada' }])).toMatchObject({ picked: 0 });
    }
    expect(await service.block(chat, 'ada')).toMatchObject({ allowed: true });
    expect(await service.sync(chat, 'ada', { remaining: 0 })).toMatchObject({ remaining: 1 });
    expect(await service.refund(chat, 'ada', 1)).toBe(false);
    expect(await service.reset(chat, 'ada')).toBe(false);
  });
});

describe('enforce', () => {
  beforeEach(boot);

  it('makes the buckets real, and the clock fills them', async () => {
    testing.enforce('chat');
    expect(await statuses(3, say)).toEqual([201, 201, 429]);
    testing.clock.advance(999);
    expect((await say()).status).toBe(429);
    testing.clock.advance(1);
    expect(await statuses(2, say)).toEqual([201, 429]);
    expect((await say('grace')).status).toBe(201);
  });

  it('leaves the others as they are, though they stand on the same route', async () => {
    testing.enforce(chat);
    expect(await statuses(8, () => ask('/mail'))).toEqual(Array(8).fill(200));
    testing.enforce('all');
    expect(await statuses(6, () => ask('/mail'))).toEqual([200, 200, 200, 200, 200, 429]);
  });

  it('charges none of the limits of a route where one refuses', async () => {
    testing.enforce();
    await statuses(5, say);
    expect(await app.get(RateLimiterService).peek('chat', 'ada', { cost: 0 })).toMatchObject({
      remaining: 0,
    });
    const { headers } = await say('grace');
    expect(headers.get('RateLimit')).toContain('"all";r=2;');
  });

  it('takes places in line, and tells how long they are waited for, but waits for none', async () => {
    testing.enforce('ChatController.mail');
    const delays: number[] = [];
    for (let i = 0; i < 3; i++) delays.push(await delayOf(await ask('/mail')));
    expect(delays).toEqual([0, 60_000, 120_000]);
    expect((await ask('/mail')).status).toBe(429);
    testing.clock.advance(60_000);
    expect(await (await ask('/mail')).json()).toEqual({ delayMs: 120_000 });
  });

  it('lets acquire, run and schedule through at once as well', async () => {
    testing.enforce(chat);
    const service = app.get(RateLimiterService);
    await service.consume(chat, 'ada', { cost: 2 });
    expect(await service.acquire(chat, 'ada')).toMatchObject({ delayMs: 1000 });
    expect(await service.run(chat, 'ada', ({ delayMs }) => delayMs)).toBe(2000);
    await expect(service.acquire(chat, 'ada')).rejects.toThrow('chat');
    testing.clock.advance(1000);
    const done = new Promise<string>((resolve) => void service.schedule(chat, 'ada', () => resolve('done')));
    expect(await done).toBe('done');
  });

  it('without names means all, and relax takes some of them out', async () => {
    testing.enforce();
    testing.relax('all', 'ChatController.mail');
    expect(await statuses(8, () => ask('/mail'))).toEqual(Array(8).fill(200));
    expect(await statuses(3, say)).toEqual([201, 201, 429]);
  });
});

describe('relax', () => {
  beforeEach(boot);

  it('refuses nothing any more, and the next enforce begins with full buckets', async () => {
    testing.enforce(chat);
    await statuses(2, say);
    testing.relax();
    expect((await say()).status).toBe(201);
    testing.enforce(chat);
    expect(await statuses(3, say)).toEqual([201, 201, 429]);
  });

  it('of one policy keeps the buckets of the others', async () => {
    testing.enforce('chat', 'all');
    await statuses(2, say);
    testing.relax('all');
    expect((await say()).status).toBe(429);
  });

  it('takes back what refuseNext has ordered', async () => {
    testing.refuseNext('chat');
    testing.refuseNext('all');
    testing.relax('chat');
    expect((await say()).status).toBe(429);
    testing.refuseNext('chat');
    testing.relax();
    expect((await say()).status).toBe(201);
  });
});

describe('refuseNext', () => {
  beforeEach(boot);

  it('refuses one request as an empty bucket does', async () => {
    testing.refuseNext(chat);
    const response = await say();
    expect(response.status).toBe(429);
    expect(response.headers.get('Retry-After')).toBe('1');
    expect(response.headers.get('RateLimit')).toContain('"chat";r=0;t=1');
    expect(await response.json()).toMatchObject({ 'violated-policies': ['chat'], 'retry-after-ms': 1000 });
    expect((await say()).status).toBe(201);
  });

  it('refuses as many as it was called for', async () => {
    testing.refuseNext('chat');
    testing.refuseNext('chat');
    expect(await statuses(3, say)).toEqual([429, 429, 201]);
  });

  it('refuses whoever would wait', async () => {
    const service = app.get(RateLimiterService);
    testing.refuseNext('chat');
    await expect(service.acquire(chat, 'ada', { cost: 2 })).rejects.toMatchObject({
      decision: { allowed: false, retryAfterMs: 2000 },
    });
    testing.refuseNext('ChatController.mail');
    expect((await ask('/mail')).status).toBe(429);
  });

  it('counts decisions, not peeks, and takes nothing of an enforced bucket', async () => {
    const service = app.get(RateLimiterService);
    testing.enforce('chat');
    testing.refuseNext('chat');
    expect(await service.peek(chat, 'ada')).toMatchObject({ allowed: true });
    expect(await service.consume(chat, 'ada', { cost: 0 })).toMatchObject({ allowed: false });
    expect(await service.consume(chat, 'ada')).toMatchObject({ allowed: true, remaining: 1 });
  });
});

describe('names', () => {
  beforeEach(boot);

  it.each(['enforce', 'relax', 'refuseNext'] as const)('that name nothing are refused by %s', (method) => {
    expect(() => testing[method]('chta')).toThrow(
      `RateLimitTesting.${method}: "chta" (string) names no policy; known are: 'chat', 'all', 'tried'`,
    );
    expect(() => testing[method](tokenBucket({ capacity: 1, rate: 1 }))).toThrow('[POLICY_NEEDS_NAME]');
  });
});

describe('the clock', () => {
  it('moves by milliseconds, to the microsecond, and not back', async () => {
    await boot();
    const { clock } = testing;
    const start = clock.now;
    clock.advance(0.001);
    expect(clock.read()).toBe(start * 1000 + 1);
    for (const wrong of [-1, Number.NaN, '1000' as never]) {
      expect(() => clock.advance(wrong)).toThrow('[INVALID_OPTION]');
    }
  });
});

describe('RateLimitTestingModule.forRoot', () => {
  const options = { redis: 'redis://127.0.0.1:1', headers: 'legacy' as const };

  it('stands in for the module of the application', async () => {
    const module = RateLimitTestingModule.forRoot(options);
    await start(Test.createTestingModule({ imports: [module], controllers: [ChatController] }));
    expect((await say()).headers.get('X-RateLimit-Limit')).toBe('2');
    testing.enforce();
    expect(await statuses(3, say)).toEqual([201, 201, 429]);

    const first = app;
    await start(Test.createTestingModule({ imports: [module], controllers: [ChatController] }));
    expect((await say()).status).toBe(201);
    await first.close();
  });

  it('checks its options as the module does', async () => {
    expect(() => RateLimitTestingModule.forRoot('redis://' as never)).toThrow('[INVALID_OPTION]');
    const module = RateLimitTestingModule.forRoot({ policys: [] } as never);
    await expect(Test.createTestingModule({ imports: [module] }).compile()).rejects.toThrow(
      '[UNKNOWN_OPTION]',
    );
  });
});

describe('policiesOf', () => {
  beforeEach(boot);

  it('tells what limits a route, in plain data', () => {
    const [all, ...others] = policiesOf(app, ChatController, 'say');
    expect(all).toMatchObject({
      policy: 'all',
      algorithm: 'token-bucket',
      capacity: 5,
      rate: '5/h',
      perRequest: false,
      waits: false,
      key: 'byIp(64)',
      scope: 'name',
      stage: 'guard',
      cost: 1,
      skips: [],
      allow: [],
    });
    expect(others).toMatchObject([{ policy: 'chat', key: 'byHeader(x-user)' }]);
    expect(policiesOf(app, ChatController, 'mail')[1]).toMatchObject({
      stage: 'handler',
      waits: true,
      scope: 'method',
    });
    expect(policiesOf(app, ChatController, 'big')[1]).toMatchObject({ cost: 'per request' });
    expect(policiesOf(app, ChatController, 'free')).toEqual([]);
  });

  it.each<[string, () => unknown]>([
    ['a method that is no route', () => policiesOf(app, ChatController, 'helper')],
    ['a method that is not there', () => policiesOf(app, ChatController, 'chta' as never)],
    ['a class of another application', () => policiesOf(app, Other, 'find')],
  ])('refuses %s', (_, wrong) => {
    expect(wrong).toThrow(/is no handler of this application.*\[UNKNOWN_HANDLER\]/);
    expect(errorCodes).toHaveProperty('UNKNOWN_HANDLER');
  });
});

@Controller('other')
class Other {
  @Get()
  find() {}
}

describe('assertLimited', () => {
  beforeEach(boot);

  it('passes where a policy of the route is as expected', () => {
    assertLimited(app, ChatController, 'say');
    assertLimited(app, ChatController, 'say', { capacity: 2, rate: '60/min', key: byHeader('x-user') });
    assertLimited(app, ChatController, 'say', { policy: 'all', capacity: 5, key: 'byIp(64)' });
  });

  it.each<[string, () => void, RegExp]>([
    [
      'nothing limits',
      () => assertLimited(app, ChatController, 'free'),
      /^ChatController.free: no policy limits it/,
    ],
    [
      'the named policy differs',
      () => assertLimited(app, ChatController, 'say', { policy: 'chat', capacity: 3 }),
      /^ChatController.say: no policy is as expected.*\+ +capacity: 2.*- +capacity: 3/s,
    ],
    [
      'the named policy is missing',
      () => assertLimited(app, ChatController, 'say', { policy: 'chta' }),
      /'all'.*'chat'.*'chta'/s,
    ],
    [
      'the parts are true, but of two policies',
      () => assertLimited(app, ChatController, 'say', { policy: 'all', capacity: 2 }),
      /capacity: 5/,
    ],
    [
      'the key differs',
      () => assertLimited(app, ChatController, 'say', { key: byGlobal() }),
      /'byGlobal\(\)'/,
    ],
    ['the rate differs', () => assertLimited(app, ChatController, 'say', { rate: '2/s' }), /'2\/s'/],
  ])('fails where %s, and shows it', (_, assertion, message) => {
    expect(assertion).toThrow(message);
    expect(assertion).toThrow(expect.objectContaining({ name: 'AssertionError' }));
  });

  it('takes a policy in shadow mode for no limit, unless that is what is expected', () => {
    const tried = { policy: 'tried', capacity: 1 };
    assertLimited(app, TrialController, 'trial', { ...tried, shadow: true });
    for (const expected of [tried, {}]) {
      expect(() => assertLimited(app, TrialController, 'trial', expected)).toThrow(
        /^TrialController.trial: no policy is as expected.*\+ +shadow: true.*- +shadow: false/s,
      );
    }
  });

  it('refuses a misspelt expectation, which would always be met', () => {
    const misspelt = { capcity: 2 } as never;
    expect(() => assertLimited(app, ChatController, 'say', misspelt)).toThrow('[UNKNOWN_OPTION]');
  });

  it('refuses a key that is a function of its own, of which it could only compare the name', () => {
    const key = () => 'ada';
    expect(() => assertLimited(app, ChatController, 'say', { key })).toThrow('[INVALID_OPTION]');
  });
});

describe('overrideGuard of NestJS', () => {
  it('overrides the guard of the routes, and the global one goes on', async () => {
    const { RateLimitGuard } = await import('nestjs-floodgate');
    @Controller()
    @UseGuards(RateLimitGuard)
    class Cats {
      @Get('cats')
      @TokenBucket({ capacity: 1, rate: '1/h' })
      find() {}
    }
    const builder = Test.createTestingModule({ imports: [RateLimitModule.forRoot()], controllers: [Cats] });
    const open = builder.overrideGuard(RateLimitGuard).useValue({ canActivate: () => true });
    app = (await open.compile()).createNestApplication({ logger: false });
    await app.listen(0, '127.0.0.1');
    expect(await statuses(2, () => ask('/cats'))).toEqual([200, 429]);
  });
});
