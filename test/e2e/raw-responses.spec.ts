// Handlers and middleware that leave the framework aside: the fields of limits are on Node's own response too.
import { once } from 'node:events';
import { connect } from 'node:http2';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  type ArgumentsHost,
  Catch,
  Controller,
  type ExceptionFilter,
  Get,
  type MiddlewareConsumer,
  Module,
  type NestModule,
  Res,
  type Type,
  UseFilters,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { RateLimitExceededException, RateLimitModule, TokenBucket } from '../../lib/index.js';
import { adapters, bootApp, closeApps } from '../support/app.js';
import { limitFields } from '../support/routes.js';

interface RawResponse {
  getHeader(name: string): unknown;
  setHeader(name: string, value: string): void;
  removeHeader(name: string): void;
  appendHeader(name: string, value: string): void;
  flushHeaders(): void;
  writeHead(status: number, ...more: unknown[]): RawResponse;
  write(text: string): void;
  end(text?: string): void;
}
/** What Express and Fastify have in common. */
interface FrameworkResponse {
  status(code: number): { send(text: string): void };
}
type AnyResponse = RawResponse & { readonly raw?: RawResponse };

const FIELDS = { 'ratelimit-policy': '"Raw";q=5;w=5', ratelimit: '"Raw";r=4;t=1' };

function writer(write: (raw: RawResponse) => void): Type {
  @Controller('raw')
  class Raw {
    @Get()
    @TokenBucket({ name: 'Raw', capacity: 5, rate: '1/s' })
    answer(@Res() response: AnyResponse) {
      write(response.raw ?? response);
    }
  }
  return Raw;
}

afterEach(closeApps);

describe.each(adapters)('on %s', (adapter) => {
  const ask = async (write: (raw: RawResponse) => void, imports: Type[] = []) => {
    const { request } = await bootApp({ adapter, controllers: [writer(write)], imports });
    const response = await request('/raw');
    expect(await response.text()).toBe('text');
    return response;
  };

  it.each<[string, (raw: RawResponse) => void]>([
    ['ends it', (raw) => raw.end('text')],
    [
      'writes it in pieces',
      (raw) => {
        raw.write('te');
        raw.end('xt');
      },
    ],
    [
      'sends its head early',
      (raw) => {
        raw.flushHeaders();
        raw.end('text');
      },
    ],
    ['writes a head of its own', (raw) => raw.writeHead(200, 'Fine', { 'x-own': '1' }).end('text')],
    [
      'sets fields of its own',
      (raw) => {
        raw.setHeader('x-own', '1');
        raw.writeHead(200).end('text');
      },
    ],
  ])('a handler %s', async (_, write) => {
    expect(limitFields(await ask(write))).toEqual(FIELDS);
  });

  it('a field that the handler writes itself is its own', async () => {
    const own = await ask((raw) => raw.writeHead(200, { ratelimit: 'own' }).end('text'));
    expect(limitFields(own)).toEqual({ ...FIELDS, ratelimit: 'own' });

    const set = await ask((raw) => {
      raw.setHeader('RateLimit', 'set');
      raw.end('text');
    });
    expect(limitFields(set)).toEqual({ ...FIELDS, ratelimit: 'set' });
  });

  it('a handler may look at them, remove them and add to them', async () => {
    const seen: unknown[] = [];
    const changed = await ask((raw) => {
      seen.push(raw.getHeader('RateLimit'));
      raw.removeHeader('RateLimit-Policy');
      raw.appendHeader('RateLimit', '"gateway";r=1;t=1');
      raw.end('text');
    });

    expect(seen).toEqual([FIELDS.ratelimit]);
    expect(limitFields(changed)).toEqual({ ratelimit: `${FIELDS.ratelimit}, "gateway";r=1;t=1` });
  });

  it('a filter may replace Retry-After before the framework answers', async () => {
    @Catch(RateLimitExceededException)
    class Later implements ExceptionFilter {
      catch(exception: RateLimitExceededException, host: ArgumentsHost) {
        const response = host.switchToHttp().getResponse<AnyResponse & FrameworkResponse>();
        (response.raw ?? response).setHeader('Retry-After', '120');
        response.status(exception.getStatus()).send('text');
      }
    }
    @Controller('raw')
    @UseFilters(Later)
    class Refused {
      @Get()
      @TokenBucket({ name: 'Raw', capacity: 1, rate: '1/h' })
      answer() {
        return 'text';
      }
    }
    const { request, statuses } = await bootApp({ adapter, controllers: [Refused] });
    await statuses(1, '/raw');
    const refusal = await request('/raw');

    expect([refusal.status, refusal.headers.get('retry-after')]).toEqual([429, '120']);
  });

  it('middleware that looks at the response before its head is written sees them', async () => {
    const seen: unknown[] = [];
    const watch = (_: unknown, raw: RawResponse, next: () => void) => {
      const { writeHead } = raw;
      raw.writeHead = (...head) => {
        seen.push(raw.getHeader('ratelimit'));
        return writeHead.apply(raw, head);
      };
      next();
    };
    @Module({})
    class Watching implements NestModule {
      configure(consumer: MiddlewareConsumer) {
        consumer.apply(watch).forRoutes('raw');
      }
    }
    const response = await ask((raw) => raw.end('text'), [Watching]);

    expect(seen).toEqual([FIELDS.ratelimit]);
    expect(limitFields(response)).toEqual(FIELDS);
  });
});

it('HTTP/2, where a response may be written without a head', async () => {
  @Module({ imports: [RateLimitModule.forRoot()], controllers: [writer((raw) => raw.end('text'))] })
  class App {}
  const app = await NestFactory.create(App, new FastifyAdapter({ http2: true } as object), { logger: false });
  await app.listen(0, '127.0.0.1');
  const session = connect(`http://127.0.0.1:${app.getHttpServer().address().port}`);
  const request = session.request({ ':path': '/raw' });
  const [headers] = await once(request, 'response');
  expect(headers).toMatchObject(FIELDS);
  request.destroy();
  session.destroy();
  await app.close();
});
