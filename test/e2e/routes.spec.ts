import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Scope, type Type, VERSION_NEUTRAL, Version, VersioningType } from '@nestjs/common';
import {
  byAll,
  byGlobal,
  byRoute,
  type Decision,
  RateLimitDecision,
  TokenBucket,
  tokenBucket,
} from '../../lib/index.js';
import { adapters, bootApp, closeApps } from '../support/app.js';
import { ManualClock } from '../support/manual-clock.js';
import { catsWith, moduleOf, remaining, Wrapped } from '../support/routes.js';

const once = { capacity: 1, rate: '1/h' };
const five = { capacity: 5, rate: '1/h' };

class Animals {
  @Get()
  @TokenBucket(once)
  find() {
    return [];
  }

  @Get('wild')
  @TokenBucket(once)
  wild() {
    return [];
  }
}

afterEach(closeApps);

describe.each(adapters)('the bucket on %s', (adapter) => {
  const boot = (...controllers: Type[]) => bootApp({ controllers, adapter, clock: new ManualClock(1) });

  it('of a method belongs to its route alone', async () => {
    @Controller('cats')
    class Cats extends Animals {}
    const { statuses } = await boot(Cats);

    expect(await statuses(2, '/cats')).toEqual([200, 429]);
    expect(await statuses(2, '/cats/wild')).toEqual([200, 429]);
  });

  it('of a controller is shared by its routes, and by no other controller', async () => {
    @Controller('cats')
    @TokenBucket(five)
    class Cats extends Animals {}
    @Controller('dogs')
    @TokenBucket(five)
    class Dogs extends Animals {}
    const { request } = await boot(Cats, Dogs);

    expect(remaining(await request('/cats'))).toMatchObject({ Cats: 4 });
    expect(remaining(await request('/cats/wild'))).toMatchObject({ Cats: 3 });
    expect(remaining(await request('/dogs'))).toMatchObject({ Dogs: 4 });
  });

  it('of a controller is inherited, one for each subclass', async () => {
    @TokenBucket(five)
    class Limited {
      @Get()
      find() {
        return [];
      }
    }
    @Controller('cats')
    class Cats extends Limited {}
    @Controller('dogs')
    @TokenBucket(once)
    class Dogs extends Limited {}
    const { request } = await boot(Cats, Dogs);

    expect(remaining(await request('/cats'))).toEqual({ Cats: 4 });
    expect(Object.values(remaining(await request('/dogs'))).sort()).toEqual([0, 4]);
  });

  it('with a name is shared wherever the name is used', async () => {
    const chat = { name: 'chat', capacity: 2, rate: '1/h' };
    @Controller('dogs')
    @TokenBucket(chat)
    class Dogs {
      @Get()
      find() {
        return [];
      }
    }
    const { request } = await boot(catsWith(TokenBucket(chat)), Dogs);

    expect(remaining(await request('/cats'))).toEqual({ chat: 1 });
    expect(remaining(await request('/dogs'))).toEqual({ chat: 0 });
    expect((await request('/cats')).status).toBe(429);
  });

  it('of an inherited method is one of each subclass', async () => {
    @Controller('cats')
    class Cats extends Animals {}
    @Controller('dogs')
    class Dogs extends Animals {}
    const { request, statuses } = await boot(Cats, Dogs);

    expect(await statuses(2, '/cats')).toEqual([200, 429]);
    expect(remaining(await request('/dogs'))).toEqual({ 'Dogs.find': 0 });
    expect(remaining(await request('/dogs/wild'))).toEqual({ 'Dogs.wild': 0 });
  });

  it('is not inherited by a method that overrides without a decorator', async () => {
    @Controller('cats')
    class Cats extends Animals {
      @Get()
      override find() {
        return [];
      }
    }
    const { statuses } = await boot(Cats);

    expect(await statuses(2, '/cats')).toEqual([200, 200]);
    expect(await statuses(2, '/cats/wild')).toEqual([200, 429]);
  });

  it.each([
    ['above', [Wrapped(), TokenBucket(once)]],
    ['below', [TokenBucket(once), Wrapped()]],
    ['on both sides of', [Wrapped(), TokenBucket(once), Wrapped()]],
  ] as const)('is kept where a decorator %s ours replaces the method', async (_, decorators) => {
    const { request, statuses } = await boot(catsWith(...decorators));

    expect(remaining(await request('/cats'))).toEqual({ 'Cats.find': 0 });
    expect(await statuses(1, '/cats')).toEqual([429]);
  });

  it('is kept where a decorator above the route replaces the method', async () => {
    @Controller('cats')
    class Cats {
      @Wrapped()
      @Get()
      @TokenBucket(once)
      find() {
        return [];
      }
    }
    const { statuses } = await boot(Cats);

    expect(await statuses(2, '/cats')).toEqual([200, 429]);
  });

  it('outlives the instances of a request-scoped controller', async () => {
    @Controller({ path: 'cats', scope: Scope.REQUEST })
    class Cats extends Animals {}
    const { statuses } = await boot(Cats);

    expect(await statuses(2, '/cats')).toEqual([200, 429]);
  });
});

describe.each(adapters)('versions on %s', (adapter) => {
  const boot = (...controllers: Type[]) =>
    bootApp({
      controllers,
      adapter,
      clock: new ManualClock(1),
      prepare: (app) => app.enableVersioning({ type: VersioningType.URI }),
    });

  it('of one class name have buckets of their own', async () => {
    const version = (number: string) => {
      @Controller({ path: 'cats', version: number })
      @TokenBucket(five)
      class Cats extends Animals {}
      return Cats;
    };
    const { request, statuses } = await boot(version('1'), version('2'));

    expect(await statuses(2, '/v1/cats')).toEqual([200, 429]);
    expect(remaining(await request('/v2/cats'))).toEqual({ 'Cats@2': 4, 'Cats@2.find': 0 });
  });

  it('within a class have buckets of their own', async () => {
    @Controller({ path: 'cats', version: '1' })
    class Cats extends Animals {
      @Get()
      @Version('2')
      @TokenBucket(once)
      findLatest() {
        return [];
      }
    }
    const { request, statuses } = await boot(Cats);

    expect(await statuses(2, '/v1/cats')).toEqual([200, 429]);
    expect(remaining(await request('/v1/cats'))).toEqual({ 'Cats@1.find': 0 });
    expect(remaining(await request('/v2/cats'))).toEqual({ 'Cats@2.findLatest': 0 });
  });

  it('that one route serves share its bucket', async () => {
    @Controller({ path: 'cats', version: ['1', VERSION_NEUTRAL] })
    class Cats extends Animals {}
    const { request, statuses } = await boot(Cats);

    expect(remaining(await request('/v1/cats'))).toEqual({ 'Cats@1,neutral.find': 0 });
    expect(await statuses(1, '/cats')).toEqual([429]);
  });
});

describe.each(adapters)('byRoute on %s', (adapter) => {
  const key = byAll(byGlobal(), byRoute());
  const perRoute = tokenBucket({ name: 'per-route', key, ...once });

  it('gives a global policy one bucket for each route, named like the route', async () => {
    class Plain {
      @Get()
      find(@RateLimitDecision() decision: Decision) {
        return { key: decision.key };
      }

      @Get('wild')
      wild() {
        return [];
      }
    }
    @Controller({ path: 'cats', version: '1' })
    class Cats extends Plain {}
    @Controller({ path: 'dogs', version: VERSION_NEUTRAL })
    class Dogs extends Plain {}
    const { request, statuses } = await bootApp({
      controllers: [Cats, Dogs],
      adapter,
      clock: new ManualClock(1),
      rateLimit: { global: [perRoute] },
      prepare: (app) => app.enableVersioning({ type: VersioningType.URI }),
    });

    expect(await (await request('/v1/cats')).json()).toEqual({ key: 'all|Cats@1.find' });
    expect(await statuses(1, '/v1/cats')).toEqual([429]);
    expect(await statuses(2, '/v1/cats/wild')).toEqual([200, 429]);
    expect(await (await request('/dogs')).json()).toEqual({ key: 'all|Dogs.find' });
  });

  it('gives the routes of a controller, replaced and request-scoped ones too, buckets of their own', async () => {
    @Controller({ path: 'cats', scope: Scope.REQUEST })
    @TokenBucket({ ...once, key })
    class Cats {
      @Get()
      @Wrapped()
      find() {
        return [];
      }

      @Get('wild')
      @Wrapped()
      wild() {
        return [];
      }
    }
    const { statuses } = await bootApp({ controllers: [Cats], adapter, clock: new ManualClock(1) });

    expect(await statuses(2, '/cats')).toEqual([200, 429]);
    expect(await statuses(2, '/cats/wild')).toEqual([200, 429]);
  });
});

describe('two controllers of one class name', () => {
  const catsAt = (path: string, name?: string) => {
    @Controller(path)
    class Cats {
      @Get()
      @TokenBucket({ ...once, name })
      find() {
        return [];
      }
    }
    return Cats;
  };
  const boot = (first: Type, second: Type) => bootApp({ imports: [moduleOf(first), moduleOf(second)] });

  it('would share a bucket in silence: the boot stops and asks for a name', async () => {
    await expect(boot(catsAt('a'), catsAt('b'))).rejects.toMatchObject({
      code: 'DUPLICATE_SCOPE',
      message: expect.stringMatching(/Cats\.find.*give this policy a name/),
    });
  });

  it('have buckets of their own where one of them has a name', async () => {
    const { statuses } = await boot(catsAt('a'), catsAt('b', 'b-cats'));

    expect(await statuses(2, '/a')).toEqual([200, 429]);
    expect(await statuses(2, '/b')).toEqual([200, 429]);
  });

  it('may be one class in two modules: one controller, one bucket', async () => {
    const cats = catsAt('a');
    const { statuses } = await boot(cats, cats);

    expect(await statuses(2, '/a')).toEqual([200, 429]);
  });

  it('would also share a bucket with a policy that is named like the route', async () => {
    await expect(boot(catsAt('a'), catsAt('b', 'Cats.find'))).rejects.toMatchObject({
      code: 'DUPLICATE_SCOPE',
    });
  });
});
