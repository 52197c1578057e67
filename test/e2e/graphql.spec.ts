// What only GraphQL has: fields, mutations, subscriptions.
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Logger, Module, type ModuleMetadata, type Type } from '@nestjs/common';
import { Mutation, Parent, Query, ResolveField, Resolver, Subscription } from '@nestjs/graphql';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import {
  byHeader,
  byUser,
  type KeyResolver,
  RateLimit,
  RateLimitExceededError,
  RateLimiterService,
  type RateLimitModuleOptions,
  TokenBucket,
  tokenBucket,
} from '../../lib/index.js';
import { bootApp, closeApps } from '../support/app.js';
import { ManualClock } from '../support/manual-clock.js';
import { type Driver, type GraphqlResponse, graphqlModule, operate } from '../support/transports/graphql.js';
import { Fetcher } from '../support/transports/http.js';
import { nestLine } from '../support/transports/transport.js';

const SCHEMA = `
  type Cat { name: String friends: Int }
  type Query { cats: [Cat] count: Int }
  type Mutation { adopt: Int }
  type Subscription { births: Int }
`;
const BOTH: ('guards' | 'interceptors')[] = ['guards', 'interceptors'];
const policy = (name: string, capacity: number) => tokenBucket({ name, capacity, rate: '1/h' });
const everything = policy('everything', 9);
const friends = policy('friends', 3);

@Resolver('Cat')
class CatsResolver {
  @Query()
  cats() {
    return [{ name: 'Tom' }, { name: 'Kit' }];
  }

  @Query()
  @TokenBucket({ capacity: 2, rate: '1/h' })
  count() {
    return 2;
  }

  @Mutation()
  @TokenBucket({ capacity: 1, rate: '1/h' })
  adopt() {
    return 1;
  }

  @ResolveField()
  @RateLimit(friends)
  friends(@Parent() cat: { name: string }) {
    return cat.name.length;
  }
}

afterEach(closeApps);

describe.each<[Driver, 'express' | 'fastify']>([
  ['apollo', 'express'],
  ['mercurius', 'fastify'],
])('on %s', (driver, adapter) => {
  const boot = async (
    resolver: Type,
    rateLimit: RateLimitModuleOptions = {},
    fieldResolverEnhancers: typeof BOTH = BOTH,
    imports: ModuleMetadata['imports'] = [],
  ) => {
    const { app, url } = await bootApp({
      adapter,
      rateLimit,
      clock: new ManualClock(1),
      providers: [resolver],
      imports: [graphqlModule(driver, { typeDefs: SCHEMA, fieldResolverEnhancers }), ...imports],
    });
    const ask = async (query: string): Promise<GraphqlResponse> =>
      (await operate(new Fetcher(), url, query)).body;
    const left = async (name: string, key = '127.0.0.1') =>
      (await app.get(RateLimiterService).peek(name, key, { cost: 0 })).remaining;
    return { ask, left, url };
  };

  it('counts each field of an operation, and refuses the one that is too much', async () => {
    const { ask } = await boot(CatsResolver);
    const { data, errors } = await ask('{ a: count b: count c: count cats { name } }');

    expect(data).toMatchObject({ cats: [{ name: 'Tom' }, { name: 'Kit' }] });
    expect(Object.values(data ?? {}).filter((value) => value === null)).toHaveLength(1);
    expect(errors).toMatchObject([
      { extensions: { code: 'RATE_LIMITED', decision: { policy: 'CatsResolver.count', limit: 2 } } },
    ]);
  });

  it('refuses a mutation', async () => {
    const { ask } = await boot(CatsResolver);

    expect(await ask('mutation { adopt }')).toEqual({ data: { adopt: 1 } });
    expect((await ask('mutation { adopt }')).errors).toMatchObject([
      { path: ['adopt'], extensions: { code: 'RATE_LIMITED', decision: { retryAfterMs: 3_600_000 } } },
    ]);
  });

  it('logs no refusal: it is no failure of the application', async () => {
    const logged = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const { ask } = await boot(CatsResolver);
    await ask('mutation { a: adopt b: adopt }');

    expect(logged).not.toHaveBeenCalled();
    logged.mockRestore();
  });

  describe('a field resolver', () => {
    it('is limited by a decorator of its own, once for each parent', async () => {
      const { ask, left } = await boot(CatsResolver);

      expect((await ask('{ cats { friends } }')).data).toEqual({ cats: [{ friends: 3 }, { friends: 3 }] });
      expect(await left('friends')).toBe(1);
      const { data, errors } = await ask('{ cats { friends } }');
      expect(data).toEqual({ cats: [{ friends: 3 }, { friends: null }] });
      expect(errors).toMatchObject([
        { path: expect.arrayContaining(['friends']), extensions: { code: 'RATE_LIMITED' } },
      ]);
    });

    it('counts for no policy of the application or of its class', async () => {
      @Resolver('Cat')
      @RateLimit(friends)
      class Cats {
        @Query()
        cats() {
          return [{ name: 'Tom' }, { name: 'Kit' }];
        }

        @ResolveField()
        friends() {
          return 3;
        }
      }
      const { ask, left } = await boot(Cats, { global: [everything] });

      await ask('{ cats { friends } }');
      expect([await left('everything'), await left('friends')]).toEqual([8, 2]);
    });

    it.each<[string, typeof BOTH]>([
      ['guards', ['interceptors']],
      ['interceptors', ['guards']],
      ['guards', []],
    ])('with a limit stops the boot where no %s run on it', async (missing, enhancers) => {
      await expect(boot(CatsResolver, {}, enhancers)).rejects.toMatchObject({
        code: 'FIELD_RESOLVER_UNGUARDED',
        message: expect.stringMatching(
          new RegExp(`^CatsResolver\\.friends: @RateLimit .* no ${missing}.*fieldResolverEnhancers`),
        ),
      });
    });

    it('may have a limit where the schema that does not serve it runs no guards', async () => {
      @Resolver()
      class Count {
        @Query()
        count() {
          return 2;
        }
      }
      @Module({ providers: [Count] })
      class Other {}
      @Module({ providers: [CatsResolver] })
      class Cats {}
      const modules = (include: Type, fieldResolverEnhancers: typeof BOTH, path: string) =>
        graphqlModule(driver, { typeDefs: SCHEMA, fieldResolverEnhancers, include: [include], path });
      const booting = (served: Type) =>
        bootApp({ adapter, imports: [Other, Cats, modules(served, [], '/graphql')] });

      await expect(booting(Other)).resolves.toBeDefined();
      await expect(booting(Cats)).rejects.toMatchObject({ code: 'FIELD_RESOLVER_UNGUARDED' });
    });

    it('alone in a class leaves nothing that a limit on the class would count', async () => {
      @Resolver('Cat')
      @TokenBucket({ capacity: 1, rate: 1 })
      class CatFields {
        @ResolveField()
        friends() {
          return 3;
        }
      }
      await expect(boot(CatFields)).rejects.toMatchObject({
        code: 'NOT_A_HANDLER',
        message: expect.stringMatching(/^CatFields: @TokenBucket /),
      });
    });
  });

  describe('a subscription', () => {
    const subscribing = (key?: KeyResolver) => {
      @Resolver()
      class Births {
        @Query()
        count() {
          return 2;
        }

        @Subscription()
        @TokenBucket({ name: 'births', capacity: 1, rate: '1/h', key })
        async *births() {
          yield { births: 1 };
          yield { births: 2 };
        }
      }
      return Births;
    };
    /** All that comes of a subscription: values, or the errors that it ends with. */
    const subscribe = async (url: string): Promise<unknown[]> => {
      class WithHeaders extends WebSocket {
        constructor(address: string, protocols: string[]) {
          super(address, protocols, { headers: { 'x-who': 'ada' } });
        }
      }
      const client = createClient({
        url: `${url.replace('http', 'ws')}/graphql`,
        webSocketImpl: WithHeaders,
        retryAttempts: 0,
      });
      const received: unknown[] = [];
      try {
        for await (const result of client.iterate({ query: 'subscription { births }' }))
          received.push(result);
      } catch (errors) {
        received.push(errors);
      } finally {
        await client.dispose();
      }
      return received;
    };
    const told = (received: unknown[]): string => JSON.stringify(received);

    it('counts when it begins, not for each of its events', async () => {
      const { left, url } = await boot(subscribing());

      expect(await subscribe(url)).toMatchObject([{ data: { births: 1 } }, { data: { births: 2 } }]);
      expect(await left('births')).toBe(0);
      const refusal = await subscribe(url);
      expect(refusal).toHaveLength(1);
      // Mercurius 14, the newest that serves NestJS 10, tells the client no more than that.
      if (nestLine === 10 && driver === 'mercurius') return;
      const refused = told(refusal);
      expect(refused).toContain('"code":"RATE_LIMITED"');
      expect(refused).toContain('"retryAfterMs":3600000');
      expect(refused).toContain('"key":"127.0.0.1"');
    });

    it('is told apart by the headers of the request that opened its connection', async () => {
      const { left, url } = await boot(subscribing(byHeader('x-who')));
      await subscribe(url);

      expect(await left('births', 'ada')).toBe(0);
    });

    it('has no user where nobody has noted one', async () => {
      const { left, url } = await boot(subscribing(byUser('id', { anonymous: byHeader('x-who') })));
      await subscribe(url);

      expect(await left('births', 'anonymous|ada')).toBe(0);
    });
  });
});

it('a filter finds all decisions in the cause of the error', async () => {
  const seen: unknown[] = [];
  const { app } = await bootApp({
    providers: [CatsResolver],
    imports: [
      graphqlModule('apollo', {
        typeDefs: SCHEMA,
        fieldResolverEnhancers: BOTH,
        formatError: (formatted, error) => {
          seen.push((error as { originalError?: { cause?: unknown } }).originalError?.cause);
          return formatted;
        },
      }),
    ],
  });
  const { port } = app.getHttpServer().address() as { port: number };
  await operate(new Fetcher(), `http://127.0.0.1:${port}`, 'mutation { a: adopt b: adopt }');

  expect(seen).toEqual([expect.any(RateLimitExceededError)]);
});
