import { afterEach, describe, expect, it } from '@jest/globals';
import { type CanActivate, Controller, type ExecutionContext, Get, UseGuards } from '@nestjs/common';
import {
  byAll,
  byGlobal,
  byHeader,
  byIp,
  byParam,
  byUser,
  type Decision,
  type KeyResolver,
  RateLimitDecision,
  TokenBucket,
} from '../../lib/index.js';
import { adapters, bootApp, closeApps, type TestApp } from '../support/app.js';
import { ManualClock } from '../support/manual-clock.js';

interface HttpRequest {
  headers: Record<string, string | undefined>;
  user?: unknown;
}

/** An authentication guard: the user is what the header says, as JSON. */
class HeaderAuth implements CanActivate {
  canActivate(context: ExecutionContext) {
    const request = context.switchToHttp().getRequest<HttpRequest>();
    if (request.headers['x-user'] !== undefined) request.user = JSON.parse(request.headers['x-user']);
    return true;
  }
}

function catsBy(key: KeyResolver | undefined) {
  @Controller('cats')
  @UseGuards(HeaderAuth)
  class Cats {
    @Get(['', ':tenant', ':tenant/:name'])
    @TokenBucket({ capacity: 1, rate: '1/h', key })
    find(@RateLimitDecision() decision: Decision) {
      return { key: decision.key };
    }
  }
  return Cats;
}

afterEach(closeApps);

describe.each(adapters)('on %s', (adapter) => {
  const boot = (key?: KeyResolver, trustProxy = false) =>
    bootApp({
      controllers: [catsBy(key)],
      adapter,
      trustProxy,
      clock: new ManualClock(1),
    });

  /** The key that a request is counted under; each is asked for once, for its bucket holds one token. */
  const keyOf = async ({ request }: TestApp, headers: Record<string, string> = {}, path = '/cats') =>
    ((await (await request(path, { headers })).json()) as { key: string }).key;
  const forwarded = (address: string) => ({ 'x-forwarded-for': address });
  const user = (value: unknown) => ({ 'x-user': JSON.stringify(value) });

  it('byHeader tells values apart, and counts all requests without it as one', async () => {
    const app = await boot(byHeader('X-Api-Key'));

    expect(await keyOf(app, { 'x-api-key': 'a' })).toBe('a');
    expect(await keyOf(app, { 'X-API-KEY': 'b' })).toBe('b');
    expect(await app.statuses(1, '/cats', { headers: { 'x-api-key': 'a' } })).toEqual([429]);
    expect(await app.statuses(2, '/cats')).toEqual([200, 429]);
    expect(await app.statuses(1, '/cats', { headers: { 'x-api-key': '' } })).toEqual([429]);
  });

  it('byParam tells the values of a route parameter apart', async () => {
    const app = await boot(byParam('tenant'));

    expect(await keyOf(app, {}, '/cats/a%7Cb')).toBe('a|b');
    expect(await keyOf(app, {}, '/cats/b')).toBe('b');
    expect(await app.statuses(1, '/cats/b')).toEqual([429]);
    expect(await keyOf(app, {}, '/cats')).toBe('');
  });

  it('byParam takes the whole of what a wildcard has matched', async () => {
    // The way to write it: Express 4 has no names for wildcards, and Fastify none at all.
    const isExpress5 = adapter === 'express' && process.env.FLOODGATE_NEST !== 'nest10';
    const [path, name] = isExpress5
      ? ['files/*path', 'path']
      : ['files/*', adapter === 'express' ? '0' : '*'];
    @Controller()
    class Files {
      @Get(path)
      @TokenBucket({ capacity: 1, rate: '1/h', key: byParam(name) })
      find(@RateLimitDecision() { key }: Decision) {
        return { key };
      }
    }
    const app = await bootApp({ controllers: [Files], adapter });

    expect(await keyOf(app, {}, '/files/a/b')).toBe('a/b');
    expect(await app.statuses(1, '/files/a/b')).toEqual([429]);
  });

  it('byGlobal counts everybody together', async () => {
    const app = await boot(byGlobal(), true);

    expect(await keyOf(app, forwarded('203.0.113.7'))).toBe('all');
    expect(await app.statuses(1, '/cats', { headers: forwarded('203.0.113.8') })).toEqual([429]);
  });

  describe('byUser', () => {
    it('tells users apart whatever their address, by text or number', async () => {
      const app = await boot(byUser());

      expect(await keyOf(app, user({ id: 'ada' }))).toBe('ada');
      expect(await keyOf(app, user({ id: 0 }))).toBe('0');
      expect(await app.statuses(1, '/cats', { headers: user({ id: 'ada' }) })).toEqual([429]);
    });

    it('reads the property that is asked for', async () => {
      expect(await keyOf(await boot(byUser('sub')), user({ id: 'no', sub: 'auth0|7' }))).toBe('auth0|7');
    });

    it('limits who has no user by the fallback, apart from a user who is called alike', async () => {
      const app = await boot(byUser('id', { anonymous: byIp() }));

      expect(await app.statuses(2, '/cats')).toEqual([200, 429]);
      expect(await app.statuses(2, '/cats', { headers: user({ id: '127.0.0.1' }) })).toEqual([200, 429]);
      expect(await app.statuses(2, '/cats', { headers: user({ id: 'anonymous|127.0.0.1' }) })).toEqual([
        200, 429,
      ]);
    });
  });

  describe('byAll', () => {
    it('has a bucket for each combination', async () => {
      const app = await boot(byAll(byParam('tenant'), byUser(), byIp()));

      expect(await keyOf(app, user({ id: 'ada' }), '/cats/a')).toBe('a|ada|127.0.0.1');
      expect(await app.statuses(1, '/cats/b', { headers: user({ id: 'ada' }) })).toEqual([200]);
      expect(await app.statuses(1, '/cats/b', { headers: user({ id: 'ada' }) })).toEqual([429]);
    });

    it.each([
      ['/cats/a%7Cb/c', '/cats/a/b%7Cc'],
      ['/cats/a%257C/b', '/cats/a%7C/b'],
    ])('is not deceived by a separator within a part: %s and %s', async (one, other) => {
      const app = await boot(byAll(byParam('tenant'), byParam('name')));

      expect(await app.statuses(2, one)).toEqual([200, 429]);
      expect(await app.statuses(2, other)).toEqual([200, 429]);
    });
  });

  describe('a function of your own', () => {
    const apiKey = (context: ExecutionContext) =>
      context.switchToHttp().getRequest<HttpRequest>().headers['x-api-key'] as string;

    it.each([
      ['a text', apiKey],
      ['a promise of one', async (context: ExecutionContext) => apiKey(context)],
      ['what is like a promise', (context: ExecutionContext) => thenable(apiKey(context))],
    ])('may return %s', async (_, key) => {
      const app = await boot(key);

      expect(await keyOf(app, { 'x-api-key': 'a' })).toBe('a');
      expect(await app.statuses(2, '/cats', { headers: { 'x-api-key': 'a' } })).toEqual([429, 429]);
      expect(await keyOf(app, { 'x-api-key': 'b' })).toBe('b');
    });
  });
});

/** As the promises of other libraries. */
function thenable(value: string): Promise<string> {
  // biome-ignore lint/suspicious/noThenProperty: that is what it is about
  return { then: (resolve: (value: string) => unknown) => resolve(value) } as Promise<string>;
}
