// Scripts of other origins may read what the application lets them: our fields are among that, and nothing else is changed.
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  BadRequestException,
  Controller,
  Get,
  Header,
  type INestApplication,
  Res,
  Sse,
  StreamableFile,
} from '@nestjs/common';
import { of } from 'rxjs';
import {
  type HeaderStyle,
  type RateLimitModuleOptions,
  SkipRateLimit,
  TokenBucket,
} from '../../lib/index.js';
import { type Adapter, adapters, bootApp, closeApps } from '../support/app.js';
import { ManualClock } from '../support/manual-clock.js';
import { nestLine } from '../support/transports/transport.js';

type Cors = Parameters<INestApplication['enableCors']>[0];

interface RawResponse {
  writeHead(status: number, headers: Record<string, string>): { end(text: string): void };
}

@Controller('answers')
@TokenBucket({ capacity: 2, rate: '1/s' })
class Answers {
  @Get()
  plain() {
    return 'text';
  }

  @Get('late')
  @TokenBucket({ capacity: 2, rate: '1/s', stage: 'handler' })
  late() {
    return 'text';
  }

  @Get('stream')
  stream() {
    return new StreamableFile(Readable.from([Buffer.from('text')]));
  }

  @Sse('events')
  events() {
    return of({ data: 'text' });
  }

  @Get('error')
  error() {
    throw new BadRequestException('text');
  }

  @Get('res')
  res(@Res() response: RawResponse & { raw?: RawResponse }) {
    (response.raw ?? response).writeHead(200, { 'content-type': 'text/plain' }).end('text');
  }

  @Get('own')
  @Header('Access-Control-Expose-Headers', 'X-Own')
  own() {
    return 'text';
  }

  @Get('free')
  @SkipRateLimit()
  free() {
    return 'text';
  }
}

const LIMITS = 'RateLimit-Policy, RateLimit';
const LEGACY = 'X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset';
const origin = 'https://app.example';

afterEach(closeApps);

describe.each(adapters)('on %s', (adapter) => {
  const boot = (cors: Cors | false, rateLimit: RateLimitModuleOptions = {}) =>
    bootApp({
      controllers: [Answers],
      adapter,
      rateLimit,
      clock: new ManualClock(1),
      prepare: (app) => cors !== false && app.enableCors(cors),
    });
  const ask = async (app: Awaited<ReturnType<typeof boot>>, path = '', init: RequestInit = {}) => {
    const response = await app.request(`/answers${path}`, { headers: { origin }, ...init });
    await response.arrayBuffer();
    return response;
  };
  const exposed = ({ headers }: Response) => headers.get('access-control-expose-headers');

  it.each<[HeaderStyle, string | null, string]>([
    ['standard', LIMITS, `${LIMITS}, Retry-After`],
    ['legacy', LEGACY, `${LEGACY}, Retry-After`],
    ['both', `${LIMITS}, ${LEGACY}`, `${LIMITS}, ${LEGACY}, Retry-After`],
    ['none', null, 'Retry-After'],
  ])('the fields of an answer are exposed: %s', async (headers, admitted, refused) => {
    const app = await boot({}, { headers });
    const responses = [await ask(app), await ask(app), await ask(app), await ask(app)];

    expect(responses.map(({ status }) => status)).toEqual([200, 200, 429, 429]);
    expect(responses.map(exposed)).toEqual([admitted, admitted, refused, refused]);
  });

  it('nothing is where the response is not for other origins', async () => {
    const isKnown = (known?: string, done?: (error: null, allow: boolean) => void) =>
      done?.(null, known === origin);
    const others = { origin: 'https://other.example' };

    expect(exposed(await ask(await boot(false)))).toBeNull();
    expect(exposed(await ask(await boot({ origin: isKnown as never }), '', { headers: others }))).toBeNull();
    expect(exposed(await ask(await boot({}), '/free'))).toBeNull();
  });

  it.each<[string, Cors, string]>([
    ['a list', { exposedHeaders: ['X-Total', 'X-Page'] }, `X-Total,X-Page, ${LIMITS}, Retry-After`],
    [
      'names of ours',
      { exposedHeaders: 'retry-after, RATELIMIT' },
      'retry-after, RATELIMIT, RateLimit-Policy',
    ],
    ['everything', { exposedHeaders: '*' }, '*'],
    [
      'an asterisk that is but a name',
      { exposedHeaders: '*', credentials: true, origin },
      `*, ${LIMITS}, Retry-After`,
    ],
  ])('what the application exposes stays, once: %s', async (_, cors, expected) => {
    const app = await boot(cors);
    await ask(app);
    await ask(app);

    // Fastify writes lists with spaces.
    expect(exposed(await ask(app))?.replace('X-Total, X-Page', 'X-Total,X-Page')).toBe(expected);
  });

  it('two stages and two kinds of lists do not mix', async () => {
    let n = 0;
    const delegator = (_: unknown, done: (error: null, options: object) => void) =>
      done(null, n++ % 2 ? { exposedHeaders: 'X-Odd' } : {});
    const app = await boot(adapter === 'express' ? delegator : ({ delegator } as object));
    const paths = ['/late', '/late', '', ''];
    const found: unknown[] = [];
    for (const path of paths) found.push(exposed(await ask(app, path)));

    expect(found).toEqual([
      LIMITS,
      `X-Odd, ${LIMITS}`,
      `${LIMITS}, Retry-After`,
      `X-Odd, ${LIMITS}, Retry-After`,
    ]);
  });

  it.each(['/late', '/stream', '/events', '/error', ...(keepsCors(adapter) ? ['/res'] : [])])(
    'whatever the kind of the answer: %s',
    async (path) => {
      const app = await boot({ exposedHeaders: 'X-Total' });
      const admitted = await ask(app, path);
      await ask(app);
      const refused = await ask(app, path);

      expect([admitted, refused].map(exposed)).toEqual([
        `X-Total, ${LIMITS}`,
        `X-Total, ${LIMITS}, Retry-After`,
      ]);
      expect([admitted, refused].map(({ headers }) => headers.get('access-control-allow-origin'))).toEqual([
        '*',
        '*',
      ]);
      expect(refused.headers.get('retry-after')).toBe('1');
    },
  );

  it('a handler that sets the field itself has the last word', async () => {
    expect(exposed(await ask(await boot({}), '/own'))).toBe('X-Own');
  });

  it('a preflight request is not touched', async () => {
    const headers = { origin, 'access-control-request-method': 'GET' };
    const response = await ask(await boot({}), '', { method: 'OPTIONS', headers });

    expect([response.status, exposed(response)]).toEqual([204, null]);
  });
});

/** Before NestJS 12, what is written to Node's response on Fastify has none of the headers of CORS. */
function keepsCors(adapter: Adapter): boolean {
  return adapter === 'express' || nestLine >= 12;
}
