// The option `refusal`: what a refusal says over HTTP, and which exception it is there.
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  type ArgumentsHost,
  type CallHandler,
  Catch,
  ConsoleLogger,
  Controller,
  type ExceptionFilter,
  type ExecutionContext,
  Get,
  HttpException,
  type NestInterceptor,
  UseFilters,
} from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR } from '@nestjs/core';
import { firstValueFrom, of } from 'rxjs';
import {
  RateLimitExceededException,
  type Refusal,
  type RefusalOptions,
  type RefusalTexts,
  TokenBucket,
} from '../../lib/index.js';
import { adapters, bootApp, closeApps } from '../support/app.js';
import { ManualClock } from '../support/manual-clock.js';
import { catsWith, limitFields } from '../support/routes.js';

const short = TokenBucket({ name: 'short', capacity: 1, rate: '1/s' });
const long = TokenBucket({ name: 'long', capacity: 1, rate: '1/90s' });
const roomy = TokenBucket({ name: 'roomy', capacity: 9, rate: '1/h' });
const PROBLEM = 'application/problem+json; charset=utf-8';
const problem = {
  type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
  title: 'Too Many Requests',
  status: 429,
  detail: 'Request limit exceeded; retry after 90 s.',
  'violated-policies': ['short', 'long'],
  'retry-after-ms': 90_000,
};

interface HttpRequest {
  readonly headers: Record<string, string | undefined>;
}

interface FrameworkResponse {
  status(code: number): { send(body: unknown): void };
}

const language = ({ context }: Refusal) =>
  context.switchToHttp().getRequest<HttpRequest>().headers['accept-language'];
const localised = (refusal: Refusal) =>
  language(refusal) === 'de' ? `Bitte in ${Number(refusal.retryAfterMs) / 1000} s.` : 'Later, please.';

/** Answers whatever was thrown, as catch-all filters of applications do. */
@Catch()
class CatchAll implements ExceptionFilter {
  catch(error: Error, host: ArgumentsHost) {
    host.switchToHttp().getResponse<FrameworkResponse>().status(418).send({ caught: error.message });
  }
}

/** Tries a handler again, as an application may whose calls fail now and then. */
class Retry implements NestInterceptor {
  async intercept(_context: ExecutionContext, next: CallHandler) {
    try {
      return of(await firstValueFrom(next.handle()));
    } catch {
      return next.handle();
    }
  }
}

afterEach(async () => {
  jest.restoreAllMocks();
  await closeApps();
});

describe.each(adapters)('on %s', (adapter) => {
  const refusedWith = async (
    refusal: RefusalOptions,
    { init, ...options }: Partial<Parameters<typeof bootApp>[0]> & { init?: RequestInit } = {},
  ) => {
    const { request } = await bootApp({
      controllers: [catsWith(long, roomy, short)],
      rateLimit: { refusal },
      adapter,
      clock: new ManualClock(1),
      ...options,
    });
    await request('/cats');
    const response = await request('/cats', init);
    return {
      status: response.status,
      type: response.headers.get('content-type'),
      body: await response.text(),
      fields: limitFields(response),
    };
  };
  const told = (body: object) => JSON.stringify(body);

  it.each<[string, RefusalTexts, RequestInit, number, object]>([
    ['a text', { message: 'Slow down.' }, {}, 429, { ...problem, detail: 'Slow down.' }],
    ['a function', { message: localised }, {}, 429, { ...problem, detail: 'Later, please.' }],
    [
      'a function, in the language of the request',
      { message: localised },
      { headers: { 'accept-language': 'de' } },
      429,
      { ...problem, detail: 'Bitte in 90 s.' },
    ],
    ['a status', { status: 503 }, {}, 503, { ...problem, title: 'Service Unavailable', status: 503 }],
    ['a status that has no name', { status: 420 }, {}, 420, { ...problem, status: 420 }],
    [
      'both',
      { message: 'No.', status: 403 },
      {},
      403,
      { ...problem, title: 'Forbidden', status: 403, detail: 'No.' },
    ],
  ])('the problem says it: %s', async (_, refusal, init, status, expected) => {
    const response = await refusedWith(refusal, { init });

    expect(response).toMatchObject({ status, type: PROBLEM, fields: { 'retry-after': '90' } });
    expect(JSON.parse(response.body)).toEqual(expected);
    expect(Object.keys(response.fields)).toEqual(['ratelimit', 'ratelimit-policy', 'retry-after']);
  });

  it.each<[string, NonNullable<RefusalTexts['body']>, string, string]>([
    ['an object', () => ({ error: 'slow' }), 'application/json; charset=utf-8', told({ error: 'slow' })],
    ['a text', () => '<slow>', 'text/plain; charset=utf-8', '<slow>'],
    ['nothing but a text without characters', () => '', 'text/plain; charset=utf-8', ''],
    [
      'the problem',
      (_, given) => given,
      PROBLEM,
      told({ ...problem, status: 400, title: 'Bad Request', detail: 'No.' }),
    ],
    [
      'the problem and more',
      ({ decision }, { type, title, status }) => ({ type, title, status, limit: decision.policy }),
      PROBLEM,
      told({ type: problem.type, title: 'Bad Request', status: 400, limit: 'long' }),
    ],
  ])('the body is replaced by %s', async (_, body, type, text) => {
    const response = await refusedWith({ message: 'No.', status: 400, body });

    expect(response).toMatchObject({ status: 400, body: text, fields: { 'retry-after': '90' } });
    // No framework names the type of nothing.
    if (text !== '' || response.type !== null) expect(response.type).toBe(type);
  });

  it('an exception of your own replaces ours, and the fields stay', async () => {
    const refusals: Refusal[] = [];
    const exceptionFactory = (refusal: Refusal) => {
      refusals.push(refusal);
      return new HttpException({ busy: refusal.decision.policy }, 503);
    };
    const response = await refusedWith({ exceptionFactory });

    expect(response).toMatchObject({
      status: 503,
      body: told({ busy: 'long' }),
      fields: { 'retry-after': '90' },
    });
    expect(Object.keys(response.fields)).toHaveLength(3);
    expect(refusals).toEqual([
      {
        context: expect.objectContaining({ getClass: expect.any(Function) }),
        decision: expect.objectContaining({ policy: 'long', allowed: false }),
        decisions: ['long', 'roomy', 'short'].map((policy) => expect.objectContaining({ policy })),
        retryAfterMs: 90_000,
      },
    ]);
  });

  it('what can never pass has no time to retry at', async () => {
    const cost = () => 99;
    const { request } = await bootApp({
      controllers: [catsWith(TokenBucket({ capacity: 1, rate: 1, cost }), short)],
      rateLimit: { refusal: { message: ({ retryAfterMs }) => `after ${retryAfterMs}` } },
      adapter,
    });
    const response = await request('/cats');

    expect(await response.json()).toMatchObject({ detail: 'after null', 'violated-policies': ['Cats.find'] });
    expect(response.headers.get('retry-after')).toBeNull();
  });

  describe('a filter that catches everything', () => {
    const text = 'Rate Limit Exceeded Exception';
    const root = [{ provide: APP_FILTER, useClass: CatchAll }];

    it('of a method replaces the body, whatever the option says', async () => {
      const controllers = [catsWith(long, short, UseFilters(CatchAll))];
      const response = await refusedWith({ body: () => 'ours' }, { controllers });

      expect(response).toMatchObject({ status: 418, body: told({ caught: 'ours' }) });
    });

    it('of the application (useGlobalFilters) does too', async () => {
      const response = await refusedWith({}, { prepare: (app) => app.useGlobalFilters(new CatchAll()) });

      expect(response).toMatchObject({ status: 418, body: told({ caught: text }) });
    });

    it('among the providers of the root module comes after ours', async () => {
      const response = await refusedWith({}, { providers: root });

      expect(response).toMatchObject({ status: 429, type: PROBLEM });
    });

    it('gets an exception of your own there', async () => {
      const exceptionFactory = () => new RangeError('mine');
      const response = await refusedWith({ exceptionFactory }, { providers: root });

      expect(response).toMatchObject({
        status: 418,
        body: told({ caught: 'mine' }),
        fields: { 'retry-after': '90' },
      });
    });

    it('gets our class again, if that is what you make', async () => {
      const exceptionFactory = ({ decisions }: Refusal) => new RateLimitExceededException(decisions);

      expect(await refusedWith({ exceptionFactory })).toMatchObject({ status: 429, type: PROBLEM });
    });
  });

  describe('a function that fails is a failure of the application, and no way to the handler', () => {
    const never = () => Promise.reject(new Error('nobody listens to this'));
    const circular: Record<string, unknown> = {};
    circular.itself = circular;

    it.each<[string, unknown, string]>([
      [
        'message: a promise',
        { message: never },
        'refusal.message answered Promise (object); return a text, at once',
      ],
      ['message: nothing', { message: () => undefined }, 'refusal.message answered undefined; return a text'],
      ['message: a number', { message: () => 5 }, 'refusal.message answered 5 (number); return a text'],
      [
        'body: a promise',
        { body: never },
        'refusal.body answered Promise (object); return an object or a text',
      ],
      ['body: null', { body: () => null }, 'refusal.body answered null; return an object or a text'],
      [
        'body: circular',
        { body: () => circular },
        'refusal.body answered Object (object), which cannot be written',
      ],
      [
        'body: a bigint',
        { body: () => ({ at: 1n }) },
        'which cannot be written as JSON; return plain values',
      ],
      [
        'body: toJSON',
        { body: () => ({ toJSON() {} }) },
        'which cannot be written as JSON; return plain values',
      ],
      [
        'exceptionFactory: a promise',
        { exceptionFactory: never },
        'refusal.exceptionFactory answered Promise',
      ],
      [
        'exceptionFactory: a text',
        { exceptionFactory: () => 'no' },
        'answered "no" (string); return an error, as',
      ],
      [
        'exceptionFactory: nothing',
        { exceptionFactory: () => {} },
        'answered undefined; return an error, as',
      ],
    ])('%s', async (_, refusal, message) => {
      await expectFailure(refusal, expect.stringMatching(/INVALID_REFUSAL/), message);
    });

    it.each([
      ['an error', new Error('by the function')],
      ['a text', 'by the function'],
    ])('one that throws %s', async (_, thrown) => {
      const message = () => {
        throw thrown;
      };
      await expectFailure({ message }, expect.anything(), 'by the function');
    });

    async function expectFailure(refusal: unknown, whole: unknown, message: string) {
      const logged: unknown[] = [];
      let runs = 0;
      @Controller('cats')
      class Cats {
        @Get()
        @TokenBucket({ name: 'long', capacity: 1, rate: '1/90s', stage: 'handler' })
        find() {
          runs++;
          return [];
        }
      }
      const logger = new ConsoleLogger();
      logger.error = (...parts: unknown[]) =>
        logged.push(String(parts[0] instanceof Error ? parts[0].message : parts[0]));
      const response = await refusedWith(refusal as RefusalOptions, {
        controllers: [Cats],
        // Of the root module, so it stands around ours.
        providers: [{ provide: APP_INTERCEPTOR, useClass: Retry }],
        prepare: (app) => app.useLogger(logger),
      });

      expect(response.status).toBe(500);
      expect(response.body).not.toContain('refusal');
      expect(runs).toBe(1);
      expect(logged).toEqual([whole]);
      expect(logged[0]).toContain(message);
    }
  });
});
