// Each statement of docs/migrating-from-throttler.md about what this package does, shown on an application.
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  type Type,
  UseGuards,
} from '@nestjs/common';
import {
  byAll,
  byHeader,
  byIp,
  byRoute,
  byUser,
  type Policy,
  RateLimit,
  type RateLimitModuleOptions,
  SkipRateLimit,
  TokenBucket,
  tokenBucket,
} from '../../lib/index.js';
import { adapters, bootApp, closeApps } from '../support/app.js';
import * as docs from '../support/docs/markdown.js';
import { importSnippet } from '../support/docs/run-snippet.js';
import { ManualClock } from '../support/manual-clock.js';
import { limitFields, remaining } from '../support/routes.js';

const SECOND = 1_000_000;
const perRoute = byAll(byIp(), byRoute());
const ten = tokenBucket({ name: 'default', capacity: 10, rate: '10/min' });
const burst = tokenBucket({ name: 'burst', capacity: 3, rate: '3/s' });

@Controller('plain')
class Plain {
  @Get('a')
  a() {
    return [];
  }

  @Get('b')
  b() {
    return [];
  }
}

const page = docs.readPage('docs/migrating-from-throttler.md');
const passed = (statuses: number[]): number => statuses.filter((status) => status < 400).length;

afterEach(closeApps);

describe.each(adapters)('on %s', (adapter) => {
  const boot = async (rateLimit: RateLimitModuleOptions, ...controllers: Type[]) => {
    const clock = new ManualClock(1);
    const app = await bootApp({ controllers: [Plain, ...controllers], adapter, clock, rateLimit });
    return { ...app, clock };
  };
  /** The statement is in a snippet of the page, which has a module of its own. */
  const bootSnippet = async (text: string, ...controllers: Type[]) => {
    const { AppModule } = await importSnippet(docs.fenceWith(page, 'ts', text).code);
    const clock = new ManualClock(1);
    const imports = [AppModule as Type];
    return { ...(await bootApp({ rateLimit: false, imports, controllers, adapter, clock })), clock };
  };

  describe('a window and a bucket', () => {
    it('admit the same at once; then the bucket admits one for each part of the time', async () => {
      const { statuses, clock } = await boot({ global: [ten] });

      expect(passed(await statuses(12, '/plain/a'))).toBe(10);
      clock.now += 6 * SECOND;
      expect(passed(await statuses(2, '/plain/a'))).toBe(1);
    });

    it.each<[string, Policy, number]>([
      ['twice the limit', ten, 20],
      ['the limit, with half of both', tokenBucket({ name: 'half', capacity: 5, rate: '5/min' }), 10],
      ['the limit, with two other parts', tokenBucket({ name: 'four', capacity: 4, rate: '6/min' }), 10],
    ])('a window of the whole time sees %s', async (_, policy, expected) => {
      const { statuses, clock } = await boot({ global: [policy] });
      let admitted = passed(await statuses(11, '/plain/a'));
      for (let second = 0; second < 60; second++) {
        clock.now += SECOND;
        admitted += passed(await statuses(1, '/plain/a'));
      }

      expect(admitted).toBe(expected);
    });

    it('a client that keeps trying is served as soon as one that waits', async () => {
      const { statuses, clock } = await boot({ global: [ten] });
      await statuses(10, '/plain/a');
      for (let i = 0; i < 5; i++) {
        expect(await statuses(1, '/plain/a')).toEqual([429]);
        clock.now += SECOND;
      }
      clock.now += SECOND;

      expect(await statuses(1, '/plain/a')).toEqual([200]);
    });
  });

  describe('a limit in the root module', () => {
    it('counts each route by itself where its key has the route', async () => {
      const { statuses } = await boot({ key: perRoute, global: [burst] });

      expect(passed(await statuses(4, '/plain/a'))).toBe(3);
      expect(passed(await statuses(4, '/plain/b'))).toBe(3);
    });

    it('counts the whole application without', async () => {
      const { statuses } = await boot({ global: [burst] });

      expect(passed(await statuses(2, '/plain/a'))).toBe(2);
      expect(passed(await statuses(2, '/plain/b'))).toBe(1);
    });

    it('counts a class where its key has the class', async () => {
      @Controller('other')
      class Other extends Plain {}
      const key = byAll(byIp(), (context) => context.getClass().name);
      const { statuses } = await boot({ key, global: [burst] }, Other);

      expect(passed(await statuses(2, '/plain/a'))).toBe(2);
      expect(passed(await statuses(2, '/plain/b'))).toBe(1);
      expect(passed(await statuses(2, '/other/a'))).toBe(2);
    });

    it('comes from a factory, too', async () => {
      process.env.REQUESTS_PER_MINUTE = '2';
      const { statuses } = await bootSnippet('forRootAsync', Plain);
      delete process.env.REQUESTS_PER_MINUTE;

      expect(passed(await statuses(3, '/plain/a'))).toBe(2);
      expect(passed(await statuses(3, '/plain/b'))).toBe(2);
    });
  });

  it('several limits are charged all or none', async () => {
    const { request, statuses, clock } = await boot({ key: perRoute, global: [ten, burst] });
    expect(passed(await statuses(8, '/plain/a'))).toBe(3);

    expect(remaining(await request('/plain/a'))).toEqual({ default: 7, burst: 0 });
    clock.now += SECOND;
    expect(remaining(await request('/plain/a'))).toEqual({ default: 6, burst: 2 });
  });

  describe('a route', () => {
    @Controller('own')
    @SkipRateLimit('default')
    @TokenBucket({ name: 'Own-default', capacity: 5, rate: '5/min' })
    class Own {
      @Get('a')
      a() {
        return [];
      }

      @Get('b')
      b() {
        return [];
      }

      @SkipRateLimit('Own-default')
      @TokenBucket({ capacity: 2, rate: '2/min' })
      @Get('tight')
      tight() {
        return [];
      }

      @SkipRateLimit('Own-default')
      @Get('free')
      free() {
        return [];
      }
    }

    it('has the limit of its class by itself, or one of its own, or none', async () => {
      const { statuses } = await boot({ key: perRoute, global: [ten] }, Own);

      expect(passed(await statuses(6, '/own/a'))).toBe(5);
      expect(passed(await statuses(6, '/own/b'))).toBe(5);
      expect(passed(await statuses(3, '/own/tight'))).toBe(2);
      expect(passed(await statuses(12, '/own/free'))).toBe(12);
      expect(passed(await statuses(12, '/plain/a'))).toBe(10);
    });

    it('shares the limit of its class where no key has the route', async () => {
      const { statuses } = await boot({ global: [ten] }, Own);

      expect(passed(await statuses(4, '/own/a'))).toBe(4);
      expect(passed(await statuses(4, '/own/b'))).toBe(1);
    });

    it('skips one limit by its name, or all', async () => {
      @Controller('skips')
      class Skips {
        @Get('one')
        @SkipRateLimit('burst')
        one() {
          return [];
        }

        @Get('all')
        @SkipRateLimit()
        all() {
          return [];
        }
      }
      const { statuses } = await boot({ key: perRoute, global: [ten, burst] }, Skips);

      expect(passed(await statuses(12, '/skips/one'))).toBe(10);
      expect(passed(await statuses(12, '/skips/all'))).toBe(12);
    });

    it('does not boot where it skips a name that no policy has', async () => {
      @Controller('cats')
      @SkipRateLimit('brust')
      class Cats extends Plain {}

      await expect(boot({ global: [burst] }, Cats)).rejects.toMatchObject({ code: 'UNKNOWN_POLICY' });
    });

    it('is limited by name, and counts once however often it is named', async () => {
      @Controller('bound')
      @RateLimit('burst')
      class Bound {
        @Get()
        @RateLimit('burst')
        find() {
          return [];
        }
      }
      const { statuses } = await boot({ key: perRoute, policies: [burst] }, Bound);

      expect(passed(await statuses(4, '/bound'))).toBe(3);
      expect(passed(await statuses(5, '/plain/a'))).toBe(5);
    });

    it('has the limits that a function answers', async () => {
      const { SearchController } = await importSnippet(docs.fenceWith(page, 'ts', 'limitsOf').code);
      const { statuses } = await boot({ global: [ten] }, SearchController as Type);

      expect(passed(await statuses(11, '/search'))).toBe(10);
      expect(passed(await statuses(5, '/search', { headers: { 'x-plan': 'pro' } }))).toBe(5);
    });
  });

  describe('who is limited', () => {
    it.each([
      ['a header', byHeader('x-api-key')],
      ['a tracker', (context: ExecutionContext) => tracker(context.switchToHttp().getRequest())],
    ])('%s tells clients apart', async (_, key) => {
      const { statuses } = await boot({ key: byAll(key, byRoute()), global: [burst] });
      const as = (apiKey: string) => ({ headers: { 'x-api-key': apiKey } });

      expect(passed(await statuses(4, '/plain/a', as('ada')))).toBe(3);
      expect(passed(await statuses(4, '/plain/a', as('bob')))).toBe(3);
    });

    it('the user is known to a limit, though a guard of the route finds out', async () => {
      class Authentication implements CanActivate {
        canActivate(context: ExecutionContext) {
          const request = context.switchToHttp().getRequest();
          request.user = { id: request.headers['x-user'] };
          return true;
        }
      }
      @Controller('mine')
      @UseGuards(Authentication)
      @TokenBucket({ capacity: 1, rate: '1/min', key: byUser('id') })
      class Mine extends Plain {}
      const { statuses } = await boot({}, Mine);

      expect(await statuses(2, '/mine/a', { headers: { 'x-user': 'ada' } })).toEqual([200, 429]);
      expect(await statuses(1, '/mine/a', { headers: { 'x-user': 'bob' } })).toEqual([200]);
    });
  });

  describe('what is not limited', () => {
    it('is what a function says, awaited where it answers a promise', async () => {
      const skip = async (context: ExecutionContext) =>
        context.switchToHttp().getRequest().headers['x-internal'] === 'yes';
      const { statuses } = await boot({ skip, global: [burst] });

      expect(passed(await statuses(5, '/plain/a'))).toBe(3);
      expect(passed(await statuses(5, '/plain/a', { headers: { 'x-internal': 'yes' } }))).toBe(5);
    });

    it('may be known by its agent', async () => {
      const { code } = docs.fenceWith(page, 'ts', 'isIgnored');
      const { isIgnored } = await importSnippet(code.replace('const isIgnored', 'export const isIgnored'));
      const { statuses } = await boot({ skip: isIgnored as () => boolean, global: [burst] });
      const agent = (name: string) => ({ headers: { 'user-agent': name } });

      expect(passed(await statuses(5, '/plain/a', agent('kube-probe/1.30')))).toBe(5);
      expect(passed(await statuses(5, '/plain/a', agent('not kube-probe')))).toBe(3);
    });
  });

  it('a refusal locks out where a filter blocks, and is not prolonged by trying', async () => {
    const { request, statuses, clock } = await bootSnippet('LockOut');
    const post = { method: 'POST' };
    expect(passed(await statuses(5, '/login', post))).toBe(5);

    const refusal = await request('/login', post);
    expect([refusal.status, refusal.headers.get('retry-after'), await refusal.json()]).toEqual([
      429,
      '900',
      { locked: true },
    ]);
    clock.now += 600 * SECOND;
    expect((await request('/login', post)).headers.get('retry-after')).toBe('300');
    clock.now += 300 * SECOND;
    expect(await statuses(1, '/login', post)).toEqual([201]);
  });

  describe('headers', () => {
    it('legacy: those of the throttler, of the tightest limit, on a refusal too, and one Retry-After', async () => {
      const { request, statuses } = await boot({ headers: 'legacy', global: [ten, burst] });

      expect(limitFields(await request('/plain/a'))).toEqual({
        'x-ratelimit-limit': '3',
        'x-ratelimit-remaining': '2',
        'x-ratelimit-reset': '1',
      });
      await statuses(2, '/plain/a');
      expect(limitFields(await request('/plain/a'))).toEqual({
        'retry-after': '1',
        'x-ratelimit-limit': '3',
        'x-ratelimit-remaining': '0',
        'x-ratelimit-reset': '1',
      });
    });

    it('none: no more than Retry-After', async () => {
      const { request, statuses } = await boot({ headers: 'none', global: [burst] });

      expect(limitFields(await request('/plain/a'))).toEqual({});
      await statuses(2, '/plain/a');
      expect(limitFields(await request('/plain/a'))).toEqual({ 'retry-after': '1' });
    });
  });

  describe('the body of a refusal', () => {
    const refused = async (refusal?: RateLimitModuleOptions['refusal']) => {
      const { request, statuses } = await boot({ global: [burst], ...(refusal ? { refusal } : {}) });
      await statuses(3, '/plain/a');
      const response = await request('/plain/a');
      return [response.status, await response.json()];
    };

    it('has the message of the application', async () => {
      expect(await refused({ message: 'Slow down' })).toMatchObject([429, { detail: 'Slow down' }]);
    });

    it('has a message for this refusal', async () => {
      const message = ({ decision }: { decision: { key: string; policy: string } }) =>
        `${decision.policy} for ${decision.key}`;

      expect(await refused({ message })).toMatchObject([429, { detail: 'burst for 127.0.0.1' }]);
    });

    it('is that of the throttler, if it has to be', async () => {
      const code = docs.fenceWith(page, 'ts', 'statusCode: 429').code;
      const [, body] = /body: \(\) => \((\{.*?\})\)/.exec(code)!;
      const { value } = await importSnippet(`export const value = ${body};`);

      expect(await refused({ body: () => value as object })).toEqual([
        429,
        { statusCode: 429, message: 'ThrottlerException: Too Many Requests' },
      ]);
    });
  });

  it('two classes of one name stop the boot where a decorator has no name', async () => {
    const catsAt = (path: string) => {
      @Controller(path)
      @TokenBucket({ capacity: 1, rate: 1 })
      class Cats extends Plain {}
      return Cats;
    };

    await expect(boot({}, catsAt('one'), catsAt('two'))).rejects.toMatchObject({ code: 'DUPLICATE_SCOPE' });
  });

  it('two classes of one name share a bucket whose key is the route', async () => {
    const catsAt = (path: string) => {
      @Controller(path)
      class Cats extends Plain {}
      return Cats;
    };
    const { statuses } = await boot({ key: perRoute, global: [burst] }, catsAt('one'), catsAt('two'));

    expect(passed(await statuses(2, '/one/a'))).toBe(2);
    expect(passed(await statuses(2, '/two/a'))).toBe(1);
  });

  it('a suite switches the limits off where it does not ask for them', async () => {
    const { statuses } = await boot({ global: [burst], skip: () => process.env.NODE_ENV === 'test' });

    expect(passed(await statuses(9, '/plain/a'))).toBe(9);
  });
});

function tracker(request: { headers: Record<string, string> }): string {
  return request.headers['x-api-key']!;
}
