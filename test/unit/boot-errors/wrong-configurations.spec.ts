// Wrong configurations of an application, each of another kind: none boots, and each says where it is and what to write.
// The other suites beside this one have more values for most of them.
import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable, Module } from '@nestjs/common';
import { Query, ResolveField, Resolver } from '@nestjs/graphql';
import {
  byAll,
  byHeader,
  byIp,
  byParam,
  byUser,
  type Decision,
  fromIps,
  InjectRateLimiter,
  LeakyBucket,
  type LimitsResolver,
  leakyBucket,
  type Policy,
  RateLimit,
  RateLimitDecision,
  type RateLimitErrorCode,
  RateLimitModule,
  type RateLimitModuleOptions,
  SkipRateLimit,
  TokenBucket,
  type TokenBucketOptions,
  tokenBucket,
} from '../../../lib/index.js';
import { type AppOptions, closeApps } from '../../support/app.js';
import { expectBootError } from '../../support/boot-error.js';
import * as docs from '../../support/docs/markdown.js';
import { catsWith, moduleOf } from '../../support/routes.js';

afterEach(closeApps);

interface WrongConfiguration {
  readonly code: RateLimitErrorCode;
  readonly place: string;
  readonly value: string;
  readonly fix: string;
  readonly options: () => AppOptions;
}

const ok = { capacity: 10, rate: 5 };
const chat = tokenBucket({ name: 'chat', ...ok });
const nameless = tokenBucket(ok);

/** What the compiler would refuse. */
const wrong = (options: object) => options as TokenBucketOptions;
const cats = (...decorators: MethodDecorator[]): AppOptions => ({ controllers: [catsWith(...decorators)] });
const token = (options: object) => () => cats(TokenBucket(wrong(options)));
const leaky = (options: object) => () => cats(LeakyBucket(wrong(options)));
const root = (options: object) => () => ({ rateLimit: options as RateLimitModuleOptions });

class Plans implements LimitsResolver {
  limitsFor() {
    return ok;
  }
}

@Module({ providers: [Plans] })
class OnePlans {}

@Module({ providers: [Plans] })
class OtherPlans {}

function onClass(): AppOptions {
  const Cats = catsWith();
  Object.defineProperty(Cats, 'name', { value: '' });
  TokenBucket(ok)(Cats);
  return { controllers: [Cats] };
}

function onService(): AppOptions {
  @Injectable()
  class Mailer {
    @TokenBucket(ok)
    send() {}
  }
  return { providers: [Mailer] };
}

function onHelper(): AppOptions {
  @Controller()
  class Cats {
    @Get()
    find() {}

    @SkipRateLimit()
    helper() {}
  }
  return { controllers: [Cats] };
}

function asks(policy: Policy | string): AppOptions {
  @Controller()
  class Cats {
    @Get()
    find(@RateLimitDecision(policy) _decision: Decision) {}
  }
  return { controllers: [Cats] };
}

function asksOutside(): AppOptions {
  @Injectable()
  class Mailer {
    send(@RateLimitDecision() _decision: Decision) {}
  }
  return { providers: [Mailer] };
}

function asksInConstructor(): AppOptions {
  @Injectable()
  class Mailer {
    constructor(@RateLimitDecision() readonly decision: Decision) {}
  }
  return { providers: [Mailer] };
}

function onField(): AppOptions {
  @Resolver('Cat')
  class CatsResolver {
    @Query()
    cats() {}

    @TokenBucket(ok)
    @ResolveField()
    friends() {}
  }
  return { providers: [CatsResolver, { provide: 'GqlModuleOptions', useValue: {} }] };
}

function injects(): AppOptions {
  @Injectable()
  class Chats {
    constructor(@InjectRateLimiter(nameless) readonly limiter: unknown) {}
  }
  return { providers: [Chats] };
}

const clusterClient = { isCluster: true, defineCommand() {}, async del() {} };
const shapedApart = () => ({
  ...cats(
    LeakyBucket({ name: 'a', ...ok, key: byHeader('a') }),
    LeakyBucket({ name: 'b', ...ok, key: byIp() }),
  ),
  rateLimit: { redis: clusterClient } as unknown as RateLimitModuleOptions,
});

const METHOD = 'Cats.find: @TokenBucket: ';
const LINE = 'Cats.find: @LeakyBucket: ';
const ROOT = 'RateLimitModule.forRoot: ';

type Row = readonly [
  code: RateLimitErrorCode,
  place: string,
  value: string,
  fix: string,
  options: () => AppOptions,
];

// biome-ignore format: one configuration a row
const rows: readonly Row[] = [
  // The numbers of a policy.
  ['INVALID_RATE', METHOD, 'rate is "5 per minute" (string)', "a text as '5/s'", token({ capacity: 1, rate: '5 per minute' })],
  ['INVALID_RATE', METHOD, 'rate is 0 (number)', 'write a number above 0', token({ capacity: 1, rate: 0 })],
  ['INVALID_RATE', METHOD, 'rate is undefined', 'write a number above 0', token({ capacity: 1 })],
  ['INVALID_CAPACITY', METHOD, 'capacity is "10" (string)', 'write an integer of at least 1', token({ capacity: '10', rate: 1 })],
  ['INVALID_CAPACITY', LINE, 'capacity is 0.5 (number)', 'write an integer of at least 1', leaky({ capacity: 0.5, rate: 1 })],
  ['RATE_DOES_NOT_FIT', METHOD, 'passes 2^53 - 1', 'write a rounder rate or a smaller capacity', token({ capacity: 1e12, rate: '7/day' })],
  ['INVALID_COST', METHOD, 'cost is -1 (number)', 'write an integer of at least 0', token({ ...ok, cost: -1 })],
  ['COST_ABOVE_CAPACITY', METHOD, 'cost 11 is above capacity 10', 'raise the capacity or lower the cost', token({ ...ok, cost: 11 })],
  ['LEASE_CONFLICT', LINE, 'a leaky bucket that makes requests wait', 'leave lease out, or write shape: false', leaky({ ...ok, lease: true })],
  ['LEASE_CONFLICT', METHOD, 'lease stands beside settle', 'leave one of the two out', token({ ...ok, lease: true, settle: () => 1 })],
  // Its other options.
  ['INVALID_OPTION', METHOD, 'the options are undefined', 'write { capacity: 10, rate: 5 }', token(undefined as never)],
  ['UNKNOWN_OPTION', METHOD, 'no option "ttl"', 'write one of name, capacity, rate', token({ ...ok, ttl: 60 })],
  ['UNKNOWN_OPTION', METHOD, 'no option "skipIf"', 'limits, limitsTtlMs, skip', token({ ...ok, skipIf: async () => false })],
  ['UNKNOWN_OPTION', METHOD, 'no option "maxWaitMs"', 'write one of name', token({ ...ok, maxWaitMs: 5 })],
  ['INVALID_NAME', METHOD, 'name is "two words" (string)', 'printable ASCII characters without spaces', token({ ...ok, name: 'two words' })],
  ['INVALID_OPTION', METHOD, 'key is "ip" (string)', 'write byIp() or (context) =>', token({ ...ok, key: 'ip' })],
  ['INVALID_OPTION', METHOD, 'stage is "early" (string)', 'write "guard" or "handler"', token({ ...ok, stage: 'early' })],
  ['INVALID_OPTION', METHOD, 'skip is true (boolean)', "fromIps('10.0.0.0/8') or (context) => boolean", token({ ...ok, skip: true })],
  ['INVALID_OPTION', METHOD, 'allow is "ada" (string)', "write a list of keys, as ['ada']", token({ ...ok, allow: 'ada' })],
  ['INVALID_OPTION', LINE, 'maxWaitMs is 5 (number) beside shape: false', 'leave one of the two out', leaky({ ...ok, maxWaitMs: 5, shape: false })],
  ['INVALID_OPTION', LINE, 'maxWaitMs is "2s" (string)', 'write an integer from 0', leaky({ ...ok, maxWaitMs: '2s' })],
  ['INVALID_OPTION', LINE, 'shape is "no" (string)', 'write true or false', leaky({ ...ok, shape: 'no' })],
  // Limits per request.
  ['INVALID_OPTION', METHOD, 'capacity is 10 (number) beside limits', 'leave one of the two out', token({ ...ok, limits: () => ok })],
  ['INVALID_OPTION', METHOD, 'limits is Object (object)', 'or a class with limitsFor', token({ limits: ok })],
  ['INVALID_OPTION', METHOD, 'limitsTtlMs is 5 (number) without limits', 'leave it out', token({ ...ok, limitsTtlMs: 5 })],
  ['LIMITS_PROVIDER', 'Cats.find: ', 'limits is Plans, which no module provides', 'add it to the providers of one', token({ limits: Plans })],
  ['LIMITS_PROVIDER', 'Cats.find: ', 'limits is Plans, which 2 modules provide', 'provide it in one module', () => ({ ...token({ limits: Plans })(), imports: [OnePlans, OtherPlans] })],
  // Keys and predicates of ours, as they are made.
  ['INVALID_OPTION', 'byHeader: ', 'name is undefined', "as byHeader('x-api-key')", () => cats(TokenBucket({ ...ok, key: byHeader(undefined as never) }))],
  ['INVALID_OPTION', 'byIp', '129 (number)', '128', () => cats(TokenBucket({ ...ok, key: byIp({ ipv6Prefix: 129 }) }))],
  ['INVALID_OPTION', 'byParam: ', 'name is "" (string)', "as byParam('tenant')", () => cats(TokenBucket({ ...ok, key: byParam('') }))],
  ['UNKNOWN_OPTION', 'byUser: ', 'no option "anon"', 'write one of anonymous', () => cats(TokenBucket({ ...ok, key: byUser('id', { anon: byIp() } as never) }))],
  ['INVALID_OPTION', 'byAll: ', 'a resolver is "ip" (string)', 'write two or more', () => cats(TokenBucket({ ...ok, key: byAll(byIp(), 'ip' as never) }))],
  ['INVALID_OPTION', 'fromIps: ', 'the range is "10.0.0.0/33" (string)', 'write addresses or networks', () => cats(TokenBucket({ ...ok, skip: fromIps('10.0.0.0/33') }))],
  // Names.
  ['UNKNOWN_POLICY', 'Cats.find: @RateLimit: ', '"chta" (string) names no policy', 'Add it to RateLimitModule.forRoot', () => cats(RateLimit('chta'))],
  ['UNKNOWN_POLICY', 'Cats.find: @SkipRateLimit: ', '"chta" (string) names no policy', 'Add it to RateLimitModule.forRoot', () => cats(SkipRateLimit('chta'))],
  ['UNKNOWN_POLICY', 'Cats.find: @RateLimitDecision: ', '"chta" (string) names no policy', 'Add it to RateLimitModule.forRoot', () => asks('chta')],
  ['UNKNOWN_POLICY', 'Cats.find: @RateLimit: ', 'Object (object) names no policy', 'Add it to RateLimitModule.forRoot', () => cats(RateLimit(ok as never))],
  ['UNKNOWN_POLICY', 'RateLimitModule.forFeature: ', '"chta" (string) names no policy', 'Add it to RateLimitModule.forRoot', () => ({ imports: [RateLimitModule.forFeature('chta')] })],
  ['POLICY_NEEDS_NAME', 'Cats.find: @SkipRateLimit: ', 'the token-bucket of capacity 10 has no name', "give it one: name: 'chat'", () => cats(SkipRateLimit(nameless))],
  ['POLICY_NEEDS_NAME', 'Cats.find: @RateLimitDecision: ', 'the token-bucket of capacity 10 has no name', "give it one: name: 'chat'", () => asks(nameless)],
  ['POLICY_NEEDS_NAME', ROOT, 'the token-bucket of capacity 10 has no name', "give it one: name: 'chat'", root({ policies: [nameless] })],
  ['POLICY_NEEDS_NAME', '@InjectRateLimiter', 'the token-bucket of capacity 10 has no name', "give it one: name: 'chat'", injects],
  ['POLICY_CONFLICT', METHOD, "policy 'chat' has capacity 11 (number) instead of 10 (number)", 'define it once as a value', () => ({ ...cats(TokenBucket({ name: 'chat', capacity: 11, rate: 5 })), rateLimit: { policies: [chat] } })],
  ['POLICY_CONFLICT', 'Cats.find: @RateLimit: ', "policy 'chat' has algorithm", 'define it once as a value', () => ({ ...cats(RateLimit(leakyBucket({ name: 'chat', ...ok }))), rateLimit: { global: [chat] } })],
  ['DUPLICATE_SCOPE', METHOD, "two classes or policies are called 'Cats.find'", "name: 'cats.find-2'", () => ({ imports: [1, 2].map(() => moduleOf(catsWith(TokenBucket(ok)))) })],
  ['NAMELESS_CLASS', '(class without a name at "cats" (string)): @TokenBucket: ', 'the class has no name', "name: 'cats'", onClass],
  // Places.
  ['NOT_A_HANDLER', 'Mailer.send: @TokenBucket ', 'stands where no request arrives', 'or use RateLimiterService inside the method', onService],
  ['NOT_A_HANDLER', 'Cats.helper: @SkipRateLimit ', 'stands where no request arrives', 'put it on a route', onHelper],
  ['NOT_A_HANDLER', 'Mailer.send: @RateLimitDecision ', 'stands where no request arrives', 'put it on a route', asksOutside],
  ['NOT_A_HANDLER', 'Mailer.constructor: @RateLimitDecision ', 'stands where no request arrives', 'put it on a parameter of a route', asksInConstructor],
  ['FIELD_RESOLVER_UNGUARDED', 'CatsResolver.friends: @TokenBucket ', 'stands on a field resolver', "write fieldResolverEnhancers: ['guards', 'interceptors']", onField],
  // The module.
  ['MISSING_FOR_ROOT', METHOD, 'the application has no RateLimitModule', 'import RateLimitModule.forRoot() in its root module', () => ({ ...cats(TokenBucket(ok)), rateLimit: false })],
  ['MISSING_FOR_ROOT', 'RateLimitModule: ', 'its options are undefined', 'import RateLimitModule.forRoot() in the root module', () => ({ rateLimit: false, imports: [RateLimitModule] })],
  ['DUPLICATE_FOR_ROOT', ROOT, 'imported 2 times', 'import it once, in the root module', () => ({ imports: [RateLimitModule.forRoot({ prefix: 'other' })] })],
  ['UNKNOWN_OPTION', ROOT, 'no option "throttlers"', 'write one of redis, prefix', root({ throttlers: [] })],
  ['INVALID_OPTION', ROOT, 'redis is 6379 (number)', "write a URL as 'redis://localhost:6379'", root({ redis: 6379 })],
  ['INVALID_OPTION', ROOT, 'prefix is "my app" (string)', 'write 1 to 128 characters', root({ prefix: 'my app' })],
  ['INVALID_OPTION', ROOT, 'memory.maxKeys is 0 (number)', 'write an integer from 1', root({ memory: { maxKeys: 0 } })],
  ['INVALID_OPTION', ROOT, 'headers is "draft-7" (string)', 'write "standard" or', root({ headers: 'draft-7' })],
  ['INVALID_OPTION', ROOT, 'global[0] is Object (object)', 'write a list of tokenBucket', root({ global: [ok] })],
  ['INVALID_OPTION', ROOT, 'drainMs is "5s" (string)', 'write an integer from 0', root({ drainMs: '5s' })],
  ['INVALID_OPTION', ROOT, 'skip is "10.0.0.0/8" (string)', "write fromIps('10.0.0.0/8') or", root({ skip: '10.0.0.0/8' })],
  ['CLUSTER_SHAPING', LINE.slice(0, 9), "'a' and 'b' make one request wait", 'give both policies one key', shapedApart],
];

const configurations = rows.map(
  ([code, place, value, fix, options]): WrongConfiguration => ({ code, place, value, fix, options }),
);

describe('a wrong configuration does not boot', () => {
  it.each(configurations)('$code: $place $value', async ({ options, ...mistake }) => {
    await expectBootError(options, mistake);
  });

  it('the table has forty of them and more, all different', () => {
    const distinct = new Set(rows.map(([code, place, value]) => `${code} ${place} ${value}`));
    expect(distinct.size).toBe(rows.length);
    expect(rows.length).toBeGreaterThanOrEqual(40);
  });

  it('has every code that stops the boot, but for packages that are missing', () => {
    const table = docs.readPage('docs/errors.md').prose.join('\n');
    const atBoot = [...table.matchAll(/^\| \[([A-Z_]+)\]\(\S+\) \| boot\b.* \|$/gm)].map(([, code]) => code!);
    // Those have specs of their own, which take the packages away.
    const missing = atBoot.filter((code) => !/_MISSING$/.test(code));
    expect(missing.length).toBeGreaterThan(15);
    expect(missing.filter((code) => !rows.some(([known]) => known === code))).toEqual([]);
  });
});
