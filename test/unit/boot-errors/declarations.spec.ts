import { afterEach, describe, it } from '@jest/globals';
import type { Type } from '@nestjs/common';
import {
  byHeader,
  byIp,
  LeakyBucket,
  leakyBucket,
  type Policy,
  RateLimit,
  SkipRateLimit,
  TokenBucket,
  type TokenBucketOptions,
  tokenBucket,
} from '../../../lib/index.js';
import { closeApps } from '../../support/app.js';
import { expectBootError } from '../../support/boot-error.js';
import { catsWith, moduleOf } from '../../support/routes.js';

afterEach(closeApps);

const limit = { capacity: 10, rate: 5 };
const nameless = tokenBucket(limit);

/** `Dogs.find` beside `Cats.find`. */
function dogsWith(...decorators: MethodDecorator[]): Type {
  const Dogs = catsWith(...decorators);
  Object.defineProperty(Dogs, 'name', { value: 'Dogs' });
  return Dogs;
}

describe('a policy that nobody has defined stops the boot', () => {
  const fix = 'Add it to RateLimitModule.forRoot({ policies: [tokenBucket({ name: … })] })';

  it.each<[string, unknown, string]>([
    ['by a name', 'chta', "\"chta\" (string) names no policy; known are: 'mail', 'chat'"],
    ['by the name of a class', 'Cats.find', '"Cats.find" (string) names no policy'],
    ['by an empty name', '', '"" (string) names no policy'],
    ['by nothing', undefined, 'undefined names no policy'],
    ['by options instead of a policy', limit, 'Object (object) names no policy'],
  ])('@RateLimit %s', async (_, policy, value) => {
    const Cats = catsWith(RateLimit(policy as string), TokenBucket({ name: 'chat', ...limit }));
    const rateLimit = { policies: [leakyBucket({ name: 'mail', ...limit })] };
    await expectBootError(() => ({ controllers: [Cats], rateLimit }), {
      code: 'UNKNOWN_POLICY',
      place: 'Cats.find: @RateLimit: ',
      value,
      fix,
    });
  });

  it('@RateLimit on a controller', async () => {
    const Cats = catsWith();
    RateLimit('chat')(Cats);
    const value = '"chat" (string) names no policy; known are: none';
    const mistake = { code: 'UNKNOWN_POLICY', place: 'Cats: @RateLimit: ', value, fix } as const;
    await expectBootError(() => ({ controllers: [Cats] }), mistake);
  });

  it.each([['chat'], [undefined as unknown as string]])('@SkipRateLimit(%p)', async (policy) => {
    const Cats = catsWith(SkipRateLimit(policy));
    const place = 'Cats.find: @SkipRateLimit: ';
    const mistake = { code: 'UNKNOWN_POLICY', place, value: 'names no policy', fix } as const;
    await expectBootError(() => ({ controllers: [Cats] }), mistake);
  });

  it('@SkipRateLimit with a policy that has no name, and so skips nothing', async () => {
    await expectBootError(() => ({ controllers: [catsWith(SkipRateLimit(nameless))] }), {
      code: 'POLICY_NEEDS_NAME',
      place: 'Cats.find: @SkipRateLimit: ',
      value: 'the token-bucket of capacity 10 has no name',
      fix: "give it one: name: 'chat'",
    });
  });
});

describe('one name for two policies stops the boot, and the parameter that differs is named', () => {
  const first = (more: object = {}): Policy => tokenBucket({ name: 'chat', ...limit, ...more });
  const cost = () => 2;
  const byTenant = () => 'tenant';
  const byTeam = () => 'team';
  const cases: [string, Policy, TokenBucketOptions | Policy, string][] = [
    ['capacity', first(), { ...limit, capacity: 11 }, 'capacity 11 (number) instead of 10 (number)'],
    ['rate', first(), { ...limit, rate: '5/min' }, 'rate "1/12000000µs" (string) instead of "1/200000µs"'],
    ['key', first(), { ...limit, key: byIp() }, 'key "byIp(64)" (string) instead of undefined'],
    [
      'a key of another kind',
      first({ key: byIp() }),
      { ...limit, key: byHeader('x') },
      'key "byHeader(x)" (string) instead of',
    ],
    [
      'a key of the same kind',
      first({ key: byTenant }),
      { ...limit, key: byTeam },
      'key byTeam (function) instead of byTenant (function)',
    ],
    ['cost', first(), { ...limit, cost }, 'cost cost (function) instead of 1 (number)'],
    ['stage', first(), { ...limit, stage: 'handler' }, 'stage "handler" (string) instead of undefined'],
    ['algorithm', first(), leakyBucket({ name: 'chat', ...limit }), 'algorithm "leaky-bucket" (string)'],
    [
      'shape',
      leakyBucket({ name: 'chat', ...limit }),
      leakyBucket({ name: 'chat', ...limit, shape: false }),
      'shape false (boolean) instead of true (boolean)',
    ],
    [
      'maxWaitMs',
      leakyBucket({ name: 'chat', ...limit }),
      leakyBucket({ name: 'chat', ...limit, maxWaitMs: 5 }),
      'maxWaitMs 5 (number) instead of undefined',
    ],
    [
      'settle',
      tokenBucket({ name: 'chat', ...limit, settle: () => 1 }),
      tokenBucket({ name: 'chat', ...limit, settle: () => 1 }),
      'settle settle (function) instead of settle (function)',
    ],
    [
      'maxDebt',
      tokenBucket({ name: 'chat', ...limit }),
      tokenBucket({ name: 'chat', ...limit, maxDebt: 0 }),
      'maxDebt 0 (number) instead of undefined',
    ],
    [
      'reservationTtlMs',
      tokenBucket({ name: 'chat', ...limit }),
      tokenBucket({ name: 'chat', ...limit, reservationTtlMs: 5000 }),
      'reservationTtlMs 5000 (number) instead of 600000 (number)',
    ],
  ];
  const fix = 'define it once as a value and use @RateLimit(value), or give one of them another name';

  it.each(cases)('%s', async (_, policy, second, value) => {
    const isPolicy = 'limit' in second;
    const decorator = isPolicy ? RateLimit(second) : TokenBucket({ ...second, name: 'chat' });
    await expectBootError(() => ({ controllers: [catsWith(decorator)], rateLimit: { policies: [policy] } }), {
      code: 'POLICY_CONFLICT',
      place: `Cats.find: @${isPolicy ? 'RateLimit' : 'TokenBucket'}: policy 'chat' has `,
      value,
      fix,
    });
  });

  it('says where the other one stands', async () => {
    const controllers = [
      catsWith(TokenBucket({ name: 'chat', ...limit })),
      dogsWith(LeakyBucket({ name: 'chat', ...limit })),
    ];
    await expectBootError(() => ({ controllers }), {
      code: 'POLICY_CONFLICT',
      place: 'Dogs.find: @LeakyBucket: ',
      value: "unlike 'chat' of Cats.find: @TokenBucket",
      fix,
    });
  });
});

describe('a bucket that two places would share by accident stops the boot', () => {
  const value = (name: string) => `two classes or policies are called '${name}', and would share one bucket`;

  it('two classes of one name, by a route', async () => {
    const imports = [moduleOf(catsWith(TokenBucket(limit))), moduleOf(catsWith(LeakyBucket(limit)))];
    const place = 'Cats.find: @LeakyBucket: ';
    const fix = "give this policy a name: name: 'cats.find-2'";
    await expectBootError(() => ({ imports }), {
      code: 'DUPLICATE_SCOPE',
      place,
      value: value('Cats.find'),
      fix,
    });
  });

  it('two classes of one name, by a controller', async () => {
    const both = [catsWith(), catsWith()];
    for (const Cats of both) TokenBucket(limit)(Cats);
    const mistake = { place: 'Cats: @TokenBucket: ', value: value('Cats'), fix: "name: 'cats-2'" };
    await expectBootError(() => ({ imports: both.map((Cats) => moduleOf(Cats)) }), {
      code: 'DUPLICATE_SCOPE',
      ...mistake,
    });
  });

  it('a policy that is called like the place of another', async () => {
    const place = 'Cats.find: @TokenBucket: ';
    const rateLimit = { policies: [tokenBucket({ name: 'Cats.find', ...limit })] };
    await expectBootError(() => ({ controllers: [catsWith(TokenBucket(limit))], rateLimit }), {
      code: 'DUPLICATE_SCOPE',
      place,
      value: value('Cats.find'),
      fix: "name: 'cats.find-2'",
    });
  });

  it('a policy called global beside a global one without a name', async () => {
    const place = 'Cats.find: @TokenBucket: ';
    const Cats = catsWith(TokenBucket({ name: 'global', ...limit }));
    await expectBootError(() => ({ controllers: [Cats], rateLimit: { global: [nameless] } }), {
      code: 'DUPLICATE_SCOPE',
      place,
      value: value('global'),
      fix: "name: 'global-2'",
    });
  });

  it.each([
    ['a route', [TokenBucket(limit)], '.find: @TokenBucket: '],
    [
      'the second of a route',
      [TokenBucket({ name: 'a', ...limit }), RateLimit(nameless)],
      '.find: @RateLimit: ',
    ],
  ])('a class without a name, by %s', async (_, decorators, place) => {
    const Nameless = catsWith(...decorators);
    Object.defineProperty(Nameless, 'name', { value: '' });
    await expectBootError(() => ({ controllers: [Nameless] }), {
      code: 'NAMELESS_CLASS',
      place: `(class without a name at "cats" (string))${place}`,
      value: 'the class has no name',
      fix: "name the class, or give the policy a name: name: 'cats'",
    });
  });
});
