import { PassThrough, Readable } from 'node:stream';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  type ArgumentsHost,
  BadRequestException,
  Catch,
  Controller,
  type ExceptionFilter,
  Get,
  Header,
  HttpCode,
  HttpException,
  type INestApplication,
  Redirect,
  Res,
  Sse,
  StreamableFile,
  type Type,
  UseFilters,
} from '@nestjs/common';
import { BaseExceptionFilter, HttpAdapterHost } from '@nestjs/core';
import { of } from 'rxjs';
import { RateLimitExceededException, TokenBucket, type TokenBucketOptions } from '../../lib/index.js';
import { adapters, bootApp, closeApps } from '../support/app.js';
import { ManualClock } from '../support/manual-clock.js';
import { catsWith, limitFields } from '../support/routes.js';

/** Only Node's own response, as a handler writes to it that leaves the framework aside. */
interface RawResponse {
  writeHead(status: number, headers: Record<string, string>): { end(text: string): void };
}

/** What Express and Fastify have in common. */
interface FrameworkResponse {
  status(code: number): { send(body: unknown): void };
}

@Controller('answers')
@TokenBucket({ capacity: 5, rate: '1/s' })
class Answers {
  @Get('res')
  res(@Res() response: RawResponse & { raw?: RawResponse }) {
    (response.raw ?? response).writeHead(200, { 'content-type': 'text/plain' }).end('text');
  }

  @Get('file')
  file() {
    return new StreamableFile(Readable.from([Buffer.from('text')]), { type: 'text/plain' });
  }

  @Get('stream')
  stream() {
    return new StreamableFile(new PassThrough().end('text'));
  }

  @Sse('events')
  events() {
    return of({ data: 'text' });
  }

  @Get('error')
  error() {
    throw new BadRequestException('text');
  }

  @Get('failure')
  failure() {
    throw new Error('text');
  }

  @Get('empty')
  @HttpCode(204)
  @Header('x-own', 'kept')
  empty() {}

  @Get('elsewhere')
  @Redirect('/answers/empty')
  elsewhere() {}
}

@Catch(RateLimitExceededException)
class Teapot implements ExceptionFilter<RateLimitExceededException> {
  catch({ decision }: RateLimitExceededException, host: ArgumentsHost) {
    const response = host.switchToHttp().getResponse<FrameworkResponse>();
    response.status(418).send({ policy: decision.policy, retryAfterMs: decision.retryAfterMs });
  }
}

function teapots(limit: TokenBucketOptions): Type {
  @Controller('cats')
  @UseFilters(Teapot)
  class Cats {
    @Get()
    @TokenBucket(limit)
    find() {
      return [];
    }
  }
  return Cats;
}

afterEach(closeApps);

describe.each(adapters)('on %s', (adapter) => {
  const clock = new ManualClock(1);
  const boot = () => bootApp({ controllers: [Answers], adapter, clock });

  describe('every kind of answer has the headers', () => {
    it.each([
      ['res', 200, 'text'],
      ['file', 200, 'text'],
      ['stream', 200, 'text'],
      ['events', 200, /data: text\n/],
      ['error', 400, /text/],
      ['failure', 500, /Internal server error/],
      ['empty', 204, ''],
      ['elsewhere', 302, /^(Found.*)?$/],
    ] as const)('%s', async (path, status, body) => {
      const { request } = await boot();
      const response = await request(`/answers/${path}`, { redirect: 'manual' });

      expect(response.status).toBe(status);
      expect(limitFields(response)).toEqual({
        'ratelimit-policy': '"Answers";q=5;w=5',
        ratelimit: '"Answers";r=4;t=1',
      });
      expect(await response.text()).toEqual(typeof body === 'string' ? body : expect.stringMatching(body));
    });

    it.each(['res', 'file', 'stream', 'events', 'error', 'elsewhere'])('refused: %s', async (path) => {
      const { request, statuses } = await boot();
      await statuses(5, '/answers/empty');
      const refusal = await request(`/answers/${path}`, { redirect: 'manual' });

      expect(refusal.status).toBe(429);
      expect(refusal.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(limitFields(refusal)).toEqual({
        'ratelimit-policy': '"Answers";q=5;w=5',
        ratelimit: '"Answers";r=0;t=1',
        'retry-after': '1',
      });
    });
  });

  describe('a refusal', () => {
    const limit = { capacity: 1, rate: '1/90s' };
    const problem = {
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'Too Many Requests',
      status: 429,
      detail: 'Request limit exceeded; retry after 90 s.',
      'violated-policies': ['Cats.find'],
      'retry-after-ms': 89_999,
    };
    const refused = async (options: Partial<Parameters<typeof bootApp>[0]>) => {
      const { request } = await bootApp({ adapter, clock, ...options });
      await request('/cats');
      clock.now += 1001;
      return request('/cats');
    };

    it.each(['guard', 'handler'] as const)('is a problem document: %s stage', async (stage) => {
      const refusal = await refused({ controllers: [catsWith(TokenBucket({ ...limit, stage }))] });

      expect([refusal.status, refusal.headers.get('content-type')]).toEqual([
        429,
        'application/problem+json; charset=utf-8',
      ]);
      expect(await refusal.json()).toEqual(problem);
    });

    it.each([
      ['the method', catsWith(TokenBucket(limit), UseFilters(Teapot)), undefined],
      ['the class', teapots(limit), undefined],
      [
        'the application',
        catsWith(TokenBucket(limit)),
        (app: INestApplication) => app.useGlobalFilters(new Teapot()),
      ],
    ])(
      'is answered by a filter of %s instead, which still has the headers',
      async (_, controller, prepare) => {
        const refusal = await refused({ controllers: [controller], prepare });

        expect(refusal.status).toBe(418);
        expect(refusal.headers.get('content-type')).toMatch(/^application\/json/);
        expect(await refusal.json()).toEqual({ policy: 'Cats.find', retryAfterMs: 89_999 });
        expect(limitFields(refusal)).toMatchObject({
          ratelimit: '"Cats.find";r=0;t=90',
          'retry-after': '90',
        });
      },
    );

    it("is an HttpException to a filter that extends Nest's own", async () => {
      const prepare = (app: INestApplication) =>
        app.useGlobalFilters(new BaseExceptionFilter(app.get(HttpAdapterHost).httpAdapter));
      const refusal = await refused({ controllers: [catsWith(TokenBucket(limit))], prepare });

      expect(refusal.status).toBe(429);
      expect(await refusal.json()).toEqual(problem);
    });

    it('reaches an event stream at the handler stage too, at the latest as its error event', async () => {
      @Controller('cats')
      class Cats {
        @Sse()
        @TokenBucket({ ...limit, stage: 'handler' })
        watch() {
          return of({ data: 'text' });
        }
      }
      const refusal = await refused({ controllers: [Cats] });
      const body = await refusal.text();

      // Nest 10 has started the response before interceptors run.
      if (process.env.FLOODGATE_NEST === 'nest10') expect(body).toContain('event: error');
      else expect([refusal.status, JSON.parse(body).status]).toEqual([429, 429]);
      expect(body).not.toContain('text');
    });

    it('of another kind is not touched', async () => {
      @Controller('cats')
      class Cats {
        @Get()
        @TokenBucket(limit)
        find() {
          throw new HttpException({ own: 'body' }, 429);
        }
      }
      const { request } = await bootApp({ controllers: [Cats], adapter, clock });
      const response = await request('/cats');

      expect([response.status, await response.json()]).toEqual([429, { own: 'body' }]);
      expect(limitFields(response)).not.toHaveProperty('retry-after');
    });
  });
});
