import { afterEach, describe, it } from '@jest/globals';
import { Controller, Get, Injectable, Module, type Type } from '@nestjs/common';
import { LeakyBucket, RateLimit, SkipRateLimit, TokenBucket, tokenBucket } from '../../../lib/index.js';
import { closeApps } from '../../support/app.js';
import { expectBootError } from '../../support/boot-error.js';
import { expectMistake } from '../../support/mistake.js';

afterEach(closeApps);

const limit = { capacity: 10, rate: 5 };

class Cats {
  static breed() {}
  name = 'Tom';
  get age() {
    return 3;
  }
  [Symbol.iterator]() {}
}

// Called as the compiler calls them: most of these places do not compile.
type Decorator = (target: object, member: string | symbol, descriptor?: PropertyDescriptor) => void;

const decorators: [string, Decorator][] = [
  ['@TokenBucket', TokenBucket(limit) as Decorator],
  ['@LeakyBucket', LeakyBucket(limit) as Decorator],
  ['@RateLimit', RateLimit('chat') as Decorator],
  ['@SkipRateLimit', SkipRateLimit() as Decorator],
];

const members: [string, object, string | symbol][] = [
  ['a static method', Cats, 'breed'],
  ['a property', Cats.prototype, 'name'],
  ['an accessor', Cats.prototype, 'age'],
  ['a method named by a symbol', Cats.prototype, Symbol.iterator],
];

describe.each(decorators)(
  '%s where no request can arrive is refused as the class is defined',
  (name, decorator) => {
    it.each(members)('on %s', async (_, target, member) => {
      await expectMistake(() => decorator(target, member, Object.getOwnPropertyDescriptor(target, member)), {
        code: 'NOT_A_HANDLER',
        place: `Cats.${String(member)}: ${name} `,
        value: 'stands where no request arrives',
        fix: 'put it on a route (beside @Get, @Post, …) or its controller',
      });
    });
  },
);

describe('a limit where no request arrives stops the boot', () => {
  const nameless = tokenBucket(limit);
  const value = 'stands where no request arrives';
  const fix = 'put it on a route (beside @Get, @Post, …) or its controller';

  @Injectable()
  class OnMethod {
    @TokenBucket(limit)
    work() {}
  }

  @Injectable()
  @LeakyBucket(limit)
  class OnClass {
    work() {}
  }

  @Injectable()
  class Skips {
    @SkipRateLimit()
    work() {}
  }

  class Inherits extends OnMethod {}

  it.each<[string, Type, string]>([
    ['on a method of a provider', OnMethod, 'OnMethod.work: @TokenBucket '],
    ['on a provider', OnClass, 'OnClass: @LeakyBucket '],
    ['@SkipRateLimit on a method of a provider', Skips, 'Skips.work: @SkipRateLimit '],
    ['inherited by a provider', Inherits, 'Inherits.work: @TokenBucket '],
  ])('%s', async (_, provider, place) => {
    await expectBootError(() => ({ providers: [provider] }), { code: 'NOT_A_HANDLER', place, value, fix });
  });

  it('on a method of a controller that is no route', async () => {
    @Controller()
    class Cats {
      @Get()
      find() {}

      @RateLimit(nameless)
      helper() {}
    }
    const place = 'Cats.helper: @RateLimit ';
    await expectBootError(() => ({ controllers: [Cats] }), { code: 'NOT_A_HANDLER', place, value, fix });
  });

  it('on a module', async () => {
    @RateLimit(nameless)
    @Module({})
    class Feature {}
    const place = 'Feature: @RateLimit ';
    await expectBootError(() => ({ imports: [Feature] }), { code: 'NOT_A_HANDLER', place, value, fix });
  });
});
