import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  type CallHandler,
  type CanActivate,
  Controller,
  type ExecutionContext,
  ForbiddenException,
  Get,
  Inject,
  Injectable,
  Logger,
  type NestInterceptor,
  Post,
  Res,
  Sse,
  UnauthorizedException,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { APP_INTERCEPTOR, ModuleRef } from '@nestjs/core';
import { NEVER, of, range } from 'rxjs';
import { map, retry, startWith, take, timeout } from 'rxjs/operators';
import {
  byGlobal,
  type HandlerOutcome,
  leakyBucket,
  type Policy,
  RateLimit,
  RateLimiterService,
  RateLimitGuard,
  RateLimitInterceptor,
  type SettleResolver,
  TokenBucket,
  tokenBucket,
} from '../../lib/index.js';
import { Turns } from '../../lib/limiter/waiting/turns.js';
import { type Adapter, adapters, bootApp, closeApps, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { ManualClock } from '../support/manual-clock.js';

const outcomes: HandlerOutcome[] = [];
let answer: SettleResolver;

/** Estimates 10 of 100 tokens, and settles as the test says. */
const settle: SettleResolver = (context, outcome) => {
  outcomes.push(outcome);
  return answer(context, outcome);
};
const usage = tokenBucket({ name: 'usage', capacity: 100, rate: '1/h', key: byGlobal(), cost: 10, settle });
const late = tokenBucket({
  name: 'late',
  capacity: 100,
  rate: '1/h',
  key: byGlobal(),
  cost: 10,
  settle,
  stage: 'handler',
});
const line = leakyBucket({ name: 'line', capacity: 9, rate: '1/h', key: byGlobal(), settle });
const once = tokenBucket({ name: 'once', capacity: 1, rate: '1/h', key: byGlobal(), stage: 'handler' });
const failures = tokenBucket({
  name: 'failures',
  capacity: 5,
  rate: '1/h',
  key: byGlobal(),
  settle: (_, { error }) => (error ? 1 : 0),
});
const successes = tokenBucket({
  name: 'successes',
  capacity: 5,
  rate: '1/h',
  key: byGlobal(),
  settle: (_, { error }) => (error ? 0 : 1),
});

class Refusing implements CanActivate {
  canActivate(): boolean {
    throw new ForbiddenException();
  }
}

const asIs: boolean[] = [];

/** Hands an observable to an interceptor of ours, and looks whether it comes back as it was. */
@Injectable()
class Probe implements NestInterceptor {
  constructor(@Inject(ModuleRef) private readonly moduleRef: ModuleRef) {}

  async intercept(context: ExecutionContext, next: CallHandler) {
    const source = next.handle();
    const returned = await new RateLimitInterceptor(this.moduleRef).intercept(context, {
      handle: () => source,
    });
    asIs.push(returned === source);
    return returned;
  }
}

class Retrying implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    return next.handle().pipe(retry(1));
  }
}

class TimingOut implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    return next.handle().pipe(timeout(1));
  }
}

class TakingThree implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    return next.handle().pipe(take(3));
  }
}

let arrived = 0;
let password: Promise<boolean>;

@Controller()
class UsageController {
  @Get('result')
  @RateLimit(usage)
  result() {
    return { used: 37 };
  }

  @Get('error')
  @RateLimit(usage)
  error() {
    throw new UnauthorizedException();
  }

  @Get('observable')
  @RateLimit(usage)
  observable() {
    return of({ used: 1 }, { used: 2 }, { used: 3 });
  }

  @Sse('events')
  @RateLimit(usage)
  events() {
    return of({ data: 'a' }, { data: 'b' });
  }

  @Sse('endless')
  @RateLimit(usage)
  endless() {
    return NEVER.pipe(startWith({ data: 'a' }));
  }

  @Get('res')
  @RateLimit(usage)
  res(@Res() response: { send(body: string): void }) {
    response.send('done');
  }

  @Get('refused')
  @RateLimit(usage)
  @UseGuards(Refusing)
  refused() {
    return [];
  }

  @Get('second-stage')
  @RateLimit(usage)
  @RateLimit(once)
  secondStage() {
    return [];
  }

  @Get('line')
  @RateLimit(line)
  @RateLimit(late)
  line() {
    return [];
  }

  @Post('login')
  @RateLimit(failures)
  async login() {
    arrived++;
    if (await password) return [];
    throw new UnauthorizedException();
  }

  @Post('coupon')
  @RateLimit(successes)
  async coupon() {
    if (await password) return [];
    throw new ForbiddenException();
  }

  @Get('second-try')
  @RateLimit(usage)
  @UseInterceptors(Retrying, RateLimitInterceptor)
  secondTry() {
    arrived++;
    if (arrived === 1) throw new UnauthorizedException();
    return { used: 3 };
  }

  @Get('too-slow')
  @RateLimit(usage)
  @UseInterceptors(TimingOut, RateLimitInterceptor)
  tooSlow() {
    return NEVER;
  }

  @Get('three')
  @RateLimit(usage)
  @UseInterceptors(TakingThree)
  three() {
    return range(1, Number.MAX_SAFE_INTEGER);
  }

  @Get('plain')
  @TokenBucket({ capacity: 5, rate: 1 })
  @UseInterceptors(Probe)
  plain() {
    return [];
  }
}

@Controller('thrice')
@RateLimit(usage)
@UseGuards(RateLimitGuard)
@UseInterceptors(RateLimitInterceptor)
class ThriceController {
  @Get()
  @RateLimit('usage')
  @RateLimit(usage)
  find() {
    return { used: 20 };
  }
}

/** As applications do that wrap all they answer. */
class Wrapping implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    return next.handle().pipe(map((data) => ({ data })));
  }
}

const usedOf: SettleResolver = (_, { result }) => (result as { used: number }).used;

beforeEach(() => {
  answer = usedOf;
  outcomes.length = 0;
  asIs.length = 0;
  arrived = 0;
});
afterEach(async () => {
  await closeApps();
  jest.restoreAllMocks();
});

/** The clock stands still: nothing drains. */
const boot = (adapter: Adapter, drainMs = 5000) =>
  bootApp({
    controllers: [UsageController, ThriceController],
    adapter,
    clock: new ManualClock(1),
    rateLimit: { drainMs },
    providers: [Probe, { provide: APP_INTERCEPTOR, useClass: Wrapping }],
  });

const takenOf = async ({ app }: Pick<TestApp, 'app'>, policy: Policy) =>
  policy.capacity! - (await app.get(RateLimiterService).peek(policy, 'all', { cost: 0 })).remaining;

describe.each(adapters)('the cost of a request that was estimated, on %s', (adapter) => {
  it('is what settle makes of the result of the handler, and the response does not wait for it', async () => {
    const running = await boot(adapter);
    let release = (_cost: number): void => undefined;
    answer = () => new Promise<number>((resolve) => (release = resolve));
    expect(await (await running.request('/result')).json()).toEqual({ data: { used: 37 } });
    expect(await takenOf(running, usage)).toBe(10);
    release(37);
    await eventually(async () => (await takenOf(running, usage)) === 37, 'it is settled');
    // What the handler itself has answered, though another interceptor has wrapped it.
    expect(outcomes).toEqual([{ result: { used: 37 }, aborted: false }]);
  });

  it('is what settle makes of an error', async () => {
    const running = await boot(adapter);
    answer = (_, { error }) => (error instanceof UnauthorizedException ? 3 : 99);
    expect((await running.request('/error')).status).toBe(401);
    await eventually(async () => (await takenOf(running, usage)) === 3, 'it is settled');
    expect(outcomes).toEqual([{ error: expect.any(UnauthorizedException), aborted: false }]);
  });

  it.each([
    ['/observable', { used: 3 }],
    ['/events', { data: 'b' }],
  ])('is settled once with the last value of %s', async (path, last) => {
    const running = await boot(adapter);
    answer = () => 5;
    await (await running.request(path)).text();
    await eventually(async () => (await takenOf(running, usage)) === 5, 'it is settled');
    expect(outcomes).toEqual([{ result: last, aborted: false }]);
  });

  it('is that of the last try, where an interceptor between ours tries again', async () => {
    const running = await boot(adapter);
    expect(await (await running.request('/second-try')).json()).toEqual({ data: { used: 3 } });
    await eventually(async () => (await takenOf(running, usage)) === 3, 'it is settled');
    expect(outcomes).toEqual([{ result: { used: 3 }, aborted: false }]);
  });

  it('is that of the error with which an interceptor between ours has cut it off', async () => {
    answer = (_, { error }) => (error ? 1 : 0);
    const running = await boot(adapter);
    expect((await running.request('/too-slow')).status).toBe(500);
    await eventually(async () => (await takenOf(running, usage)) === 1, 'it is settled');
    expect(outcomes).toEqual([{ error: expect.objectContaining({ name: 'TimeoutError' }), aborted: false }]);
  });

  it('does not keep a handler going whose answer nobody wants any more', async () => {
    answer = () => 4;
    const running = await boot(adapter);
    expect(await (await running.request('/three')).json()).toEqual({ data: 3 });
    await eventually(async () => (await takenOf(running, usage)) === 4, 'it is settled');
    expect(outcomes).toHaveLength(1);
  });

  it('is settled without a result where the handler answers by itself', async () => {
    const running = await boot(adapter);
    answer = () => 4;
    expect(await (await running.request('/res')).text()).toBe('done');
    await eventually(async () => (await takenOf(running, usage)) === 4, 'it is settled');
    expect(outcomes).toEqual([{ result: undefined, aborted: false }]);
  });

  it('is settled as aborted where the client leaves a stream', async () => {
    const running = await boot(adapter);
    answer = (_, { aborted }) => (aborted ? 6 : 99);
    const client = new AbortController();
    const stream = await running.request('/endless', { signal: client.signal });
    await stream.body!.getReader().read();
    expect(outcomes).toEqual([]);
    client.abort();
    await eventually(async () => (await takenOf(running, usage)) === 6, 'it is settled');
    expect(outcomes).toEqual([{ aborted: true }]);
  });

  it('is settled as aborted where the client leaves its line, and given back once', async () => {
    const running = await boot(adapter);
    answer = () => 1;
    await (await running.request('/line')).text();
    await eventually(async () => (await takenOf(running, late)) === 1, 'the first is settled');
    const client = new AbortController();
    const gone = running.request('/line', { signal: client.signal }).catch(() => 'gone');
    await eventually(() => running.app.get(Turns).waiting === 1, 'it waits');
    const releases: ((cost: number) => void)[] = [];
    answer = () => new Promise<number>((resolve) => releases.push(resolve));
    client.abort();
    expect(await gone).toBe('gone');
    await eventually(async () => (await takenOf(running, line)) === 1, 'its place is given back');
    expect([outcomes.length, await takenOf(running, late)]).toEqual([4, 11]);
    for (const release of releases) release(0);
    await eventually(async () => (await takenOf(running, late)) === 1, 'its estimate is given back');
    expect(outcomes.slice(2)).toEqual([{ aborted: true }, { aborted: true }]);
    expect([await takenOf(running, line), await takenOf(running, late)]).toEqual([1, 1]);
  });

  it('of a place in a line makes the line longer, and never shorter', async () => {
    const running = await boot(adapter);
    answer = () => 3;
    await (await running.request('/line')).text();
    await eventually(async () => (await takenOf(running, line)) === 3, 'more is charged');
    const service = running.app.get(RateLimiterService);
    const reservation = await service.reserve(line, 'all');
    expect(await service.settle(reservation, 0)).toEqual({ settled: true, charged: 0 });
    expect(await takenOf(running, line)).toBe(4);
  });

  it.each(['/refused', '/second-stage'])('stands where something else refuses: %s', async (path) => {
    const running = await boot(adapter);
    if (path === '/second-stage') await running.app.get(RateLimiterService).consume(once, 'all');
    expect((await running.request(path)).ok).toBe(false);
    expect([outcomes, await takenOf(running, usage)]).toEqual([[], 10]);
  });

  it('stands where settle fails or answers no cost, and that is logged once', async () => {
    const error = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const running = await boot(adapter);
    answer = () => {
      throw new Error('no usage in the answer');
    };
    await (await running.request('/thrice')).text();
    await eventually(() => error.mock.calls.length === 1, 'it is logged');
    expect(error.mock.calls[0]).toEqual([
      expect.stringMatching(
        /^ThriceController.find: settle of 'usage' failed, so its estimate of 10 stands: Error: no usage/,
      ),
    ]);
    answer = () => 'many' as never;
    await (await running.request('/result')).text();
    await eventually(() => error.mock.calls.length === 2, 'it is logged');
    expect(error.mock.calls[1]).toEqual([
      expect.stringContaining(
        'settle answered "many" (string); return an integer of at least 0 [INVALID_COST]',
      ),
    ]);
    expect(await takenOf(running, usage)).toBe(20);
  });

  it('counts once, though the policy is named thrice and guard and interceptor are bound as often', async () => {
    const running = await boot(adapter);
    expect(await (await running.request('/thrice')).json()).toEqual({ data: { used: 20 } });
    await eventually(async () => (await takenOf(running, usage)) === 20, 'it is settled');
    expect(outcomes).toEqual([{ result: { used: 20 }, aborted: false }]);
  });

  it('counts only failures: many at once never get more than the capacity', async () => {
    const running = await boot(adapter);
    let reveal = (_isRight: boolean): void => undefined;
    password = new Promise((resolve) => (reveal = resolve));
    const tries = Array.from({ length: 20 }, () => running.request('/login', { method: 'POST' }));
    await eventually(() => arrived === 5, 'as many as the capacity are in the handler');
    reveal(false);
    const statuses = (await Promise.all(tries)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(5);
    expect(statuses.filter((status) => status === 429)).toHaveLength(15);
    expect(await takenOf(running, failures)).toBe(5);
    expect(arrived).toBe(5);
  });

  it('counts only failures, or only successes: the others are given back', async () => {
    const running = await boot(adapter);
    for (const [path, counted, right] of [
      ['/login', failures, true],
      ['/coupon', successes, false],
    ] as const) {
      password = Promise.resolve(right);
      for (let i = 0; i < 12; i++) {
        expect((await running.request(path, { method: 'POST' })).status).toBe(right ? 201 : 403);
        await eventually(async () => (await takenOf(running, counted)) === 0, 'it is given back');
      }
      password = Promise.resolve(!right);
      const statuses = await running.statuses(6, path, { method: 'POST' });
      expect(statuses).toEqual([...Array(5).fill(right ? 401 : 201), 429]);
    }
  });

  it('is settled before the store is closed, but no shutdown waits for it for ever', async () => {
    const running = await boot(adapter);
    let release = (_cost: number): void => undefined;
    answer = () => new Promise<number>((resolve) => (release = resolve));
    await (await running.request('/result')).text();
    let closed = false;
    const closing = closeApps().then(() => (closed = true));
    await eventually(() => !running.app.getHttpServer().listening, 'the server has closed');
    await new Promise((resolve) => setImmediate(resolve));
    expect(closed).toBe(false);
    release(10);
    await closing;

    const hanging = await boot(adapter, 20);
    answer = () => new Promise(() => undefined);
    await (await hanging.request('/result')).text();
    await closeApps();
  });

  it('leaves the observable of a handler without it as it is', async () => {
    const running = await boot(adapter);
    await (await running.request('/plain')).text();
    expect(asIs).toEqual([true]);
  });
});
