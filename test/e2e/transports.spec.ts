// What a limit does is the same on every transport; how it is told differs. One suite for all of them.
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type CanActivate, type ExecutionContext, UseGuards } from '@nestjs/common';
import {
  byGlobal,
  byHeader,
  byIp,
  byParam,
  byUser,
  type HandlerOutcome,
  type KeyResolver,
  LeakyBucket,
  leakyBucket,
  type Policy,
  RateLimit,
  RateLimiterService,
  type RateLimitModuleOptions,
  type SettleResolver,
  SkipRateLimit,
  TokenBucket,
  tokenBucket,
} from '../../lib/index.js';
import { Turns } from '../../lib/limiter/waiting/turns.js';
import { eventually } from '../support/eventually.js';
import { ManualClock } from '../support/manual-clock.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';
import { apollo, mercurius } from '../support/transports/graphql.js';
import { express, fastify } from '../support/transports/http.js';
import { redis, tcp } from '../support/transports/microservices.js';
import { socketIo, ws } from '../support/transports/sockets.js';
import {
  type Booted,
  bootTransport,
  closeTransports,
  nestLine,
  type Places,
  type Reply,
} from '../support/transports/transport.js';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => {
  await server.untilLeft();
  await server.stop();
});
afterEach(closeTransports);

const adapters = [express, fastify, apollo, mercurius, socketIo, ws, tcp, redis(() => server.port)];

type Behaviour = 'headers' | 'keys of a request' | 'byParam' | 'leaving' | 'global' | 'shutdown';

const NO_HEADERS = 'a message has no headers to answer with';
const ONE_RESPONSE = 'the fields of an operation share one response, so none of them may speak for it';
const NO_REQUEST = 'between services there is no request, no address and no user';
const NO_ROUTE = 'only a route has parameters';
const CLOSED_FIRST = 'NestJS closes the server of a microservice before it tells the modules';
const NO_GLOBALS = 'NestJS binds global guards to gateways since 12';

/** What a transport cannot do, and why. Everything else is tested on all of them. */
const CANNOT: Record<string, Partial<Record<Behaviour, string>>> = {
  express: {},
  fastify: {},
  'GraphQL (apollo)': { headers: ONE_RESPONSE, byParam: NO_ROUTE },
  'GraphQL (mercurius)': { headers: ONE_RESPONSE, byParam: NO_ROUTE },
  'socket.io': { headers: NO_HEADERS, byParam: NO_ROUTE, ...(nestLine < 12 ? { global: NO_GLOBALS } : {}) },
  ws: { headers: NO_HEADERS, byParam: NO_ROUTE, ...(nestLine < 12 ? { global: NO_GLOBALS } : {}) },
  TCP: {
    headers: NO_HEADERS,
    'keys of a request': NO_REQUEST,
    byParam: NO_ROUTE,
    leaving: 'a service that closes its connection is not known to have given up',
    shutdown: CLOSED_FIRST,
  },
  Redis: {
    headers: NO_HEADERS,
    'keys of a request': NO_REQUEST,
    byParam: NO_ROUTE,
    leaving: 'Redis stands between the two',
    shutdown: CLOSED_FIRST,
  },
};

const policy = (name: string, capacity: number) => tokenBucket({ name, capacity, rate: '1/h' });
const day = policy('day', 9);
const minute = policy('minute', 1);
const line = leakyBucket({ name: 'line', capacity: 1000, rate: '1/h', key: byGlobal() });

it('the table of what cannot be done names transports that are there', () => {
  expect(Object.keys(CANNOT)).toEqual(adapters.map(({ name }) => name));
});

describe.each(adapters.map((adapter) => [adapter.name, adapter] as const))('on %s', (name, adapter) => {
  const clock = new ManualClock(1);
  const boot = (places: Places, rateLimit?: RateLimitModuleOptions) =>
    bootTransport(adapter, places, rateLimit, clock);
  /** What a transport can do is tested; what it cannot do instead of it, with the reason in the title. */
  const unless = (
    behaviour: Behaviour,
    title: string,
    test: () => Promise<void>,
    instead?: () => Promise<void>,
  ) => {
    const reason = CANNOT[name]?.[behaviour];
    if (reason === undefined) it(title, test);
    else if (instead && !isLost(behaviour)) it(`(${title}: not here, for ${reason})`, instead);
  };

  /** Who still waits when Nest has closed its connection to Redis is answered by a failure that Nest handles nowhere. */
  const isLost = (behaviour: Behaviour) => name === 'Redis' && ['leaving', 'shutdown'].includes(behaviour);

  const left = async ({ app }: Booted, one: Policy, key = adapter.key ? 'all' : '127.0.0.1') =>
    (await app.get(RateLimiterService).peek(one, key, { cost: 0 })).remaining;
  const waiting = ({ app }: Booted) => app.get(Turns).waiting;
  const placesTaken = async (booted: Booted) => 1000 - (await left(booted, line, 'all'));

  /** Who calls, as this transport tells it. */
  const who: KeyResolver = (context) =>
    (adapter.headerOf ? adapter.headerOf(context, 'x-who') : adapter.inputOf(context).who) ?? 'nobody';
  const callAs = async (booted: Booted, name: string) =>
    (await booted.connect({ 'x-who': name })).call('first', { who: name });

  it('admits, and hands the handler its decision', async () => {
    const { connect } = await boot({ first: [TokenBucket({ capacity: 2, rate: 1 })] });
    const { answer, error } = await (await connect()).call('first');

    expect(error).toBeUndefined();
    expect(answer?.decision).toMatchObject({ allowed: true, policy: 'Cats.first', limit: 2, remaining: 1 });
  });

  it('refuses in its own way, with the decision inside; the handler does not run', async () => {
    const booted = await boot({ first: [RateLimit(minute)] });
    const client = await booted.connect();
    await client.call('first');
    const { answer, error } = await client.call('first');
    const decision = await booted.app.get(RateLimiterService).peek(minute, adapter.key ? 'all' : '127.0.0.1');

    expect(answer).toBeUndefined();
    expect(decision).toMatchObject({ allowed: false, retryAfterMs: 3_600_000 });
    expect(error).toEqual(adapter.refusal(decision));
    expect(booted.started).toEqual(['first']);
  });

  unless(
    'headers',
    'tells limits in headers, admitted or refused',
    async () => {
      const client = await (await boot({ first: [RateLimit(minute)] })).connect();

      for (const expected of [null, '3600']) {
        const { headers } = await client.call('first');
        expect(headers?.get('ratelimit')).toBe('"minute";r=0;t=3600');
        expect(headers?.get('retry-after')).toBe(expected);
      }
    },
    async () => {
      const client = await (await boot({ first: [RateLimit(minute)] })).connect();

      for (let i = 0; i < 2; i++) {
        const names = [...((await client.call('first')).headers?.keys() ?? [])];
        expect(names.filter((name) => /ratelimit|retry-after/.test(name))).toEqual([]);
      }
    },
  );

  it('tells callers apart by a key of the application', async () => {
    const booted = await boot({ first: [TokenBucket({ capacity: 1, rate: 1, key: who })] });

    expect((await callAs(booted, 'ada')).answer?.decision).toMatchObject({ key: 'ada' });
    expect((await callAs(booted, 'ada')).error).toBeDefined();
    expect((await callAs(booted, 'grace')).answer?.decision).toMatchObject({ key: 'grace' });
  });

  class Authentication implements CanActivate {
    async canActivate(context: ExecutionContext): Promise<boolean> {
      const id = await who(context);
      if (id !== 'nobody') adapter.setUser(context, { id });
      return true;
    }
  }

  describe.each<[string, KeyResolver, string]>([
    ['byIp', byIp(), '127.0.0.1'],
    ['byHeader', byHeader('X-Who'), 'ada'],
    ['byUser', byUser(), 'ada'],
  ])('%s', (_, key, expected) => {
    const places = { first: [TokenBucket({ capacity: 9, rate: 1, key }), UseGuards(Authentication)] };

    unless(
      'keys of a request',
      'finds who has called',
      async () => {
        expect((await callAs(await boot(places), 'ada')).answer?.decision?.key).toBe(expected);
      },
      async () => {
        const booted = await boot(places);
        expect((await callAs(booted, 'ada')).error).toEqual({
          status: 'error',
          message: 'Internal server error',
        });
        expect(booted.started).toEqual([]);
      },
    );
  });

  unless(
    'byParam',
    'byParam reads the parameters of the route',
    async () => {
      const places = { first: [TokenBucket({ capacity: 1, rate: 1, key: byParam('tenant') })] };
      expect((await callAs(await boot(places), 'ada')).answer?.decision?.key).toBe('');
    },
    async () => {
      const booted = await boot({ first: [TokenBucket({ capacity: 1, rate: 1, key: byParam('tenant') })] });
      // One bucket for all would be a surprise.
      const { answer, error } = await callAs(booted, 'ada');
      expect([answer, typeof error]).toEqual([undefined, 'object']);
      expect(JSON.stringify(error)).not.toContain('RATE_LIMITED');
      expect(booted.started).toEqual([]);
    },
  );

  it('takes a cost that the caller determines', async () => {
    const cost = (context: ExecutionContext) => adapter.inputOf(context).cost ?? 1;
    const client = await (
      await boot({ first: [TokenBucket({ capacity: 10, rate: '1/h', cost })] })
    ).connect();

    expect((await client.call('first', { cost: 7 })).answer?.decision?.remaining).toBe(3);
    expect((await client.call('first', { cost: 4 })).error).toBeDefined();
    expect((await client.call('first', { cost: 3 })).answer?.decision?.remaining).toBe(0);
  });

  it('charges none of several limits when one of them refuses', async () => {
    const booted = await boot({ first: [RateLimit(day), RateLimit(minute)] });
    const client = await booted.connect();
    for (let i = 0; i < 3; i++) await client.call('first');

    expect([await left(booted, day), await left(booted, minute)]).toEqual([8, 0]);
  });

  it('shares the limit of a class among its handlers, and skips where that is said', async () => {
    const booted = await boot({ onClass: [RateLimit(day)], second: [RateLimit(minute)] });
    const client = await booted.connect();

    expect((await client.call('first')).answer?.decision?.remaining).toBe(8);
    expect((await client.call('second')).answer?.decision?.remaining).toBe(0);
    expect(await left(booted, day)).toBe(7);

    const skipping = await boot({ onClass: [RateLimit(day)], second: [SkipRateLimit()] });
    expect((await (await skipping.connect()).call('second')).answer).toMatchObject({
      at: expect.any(Number),
    });
    expect(await left(skipping, day)).toBe(9);
  });

  it('lets pass what a policy in shadow mode would refuse or delay, and says so to the handler alone', async () => {
    const trial = tokenBucket({ name: 'trial', capacity: 1, rate: '1/h', shadow: true });
    const slow = leakyBucket({ name: 'slow', capacity: 9, rate: '1/h', shadow: true });
    const booted = await boot({ first: [RateLimit(trial), RateLimit(slow), RateLimit(day)] });
    const client = await booted.connect();
    const replies = [await client.call('first'), await client.call('first')];

    expect(replies.map(({ error }) => error)).toEqual([undefined, undefined]);
    expect(replies[1]!.answer!.decision).toMatchObject({ policy: 'day', remaining: 7 });
    expect(replies[1]!.headers?.get('ratelimit') ?? '').not.toMatch(/trial|slow/);
    expect(await left(booted, trial)).toBe(0);
    expect(booted.app.get(RateLimiterService).shadowReport()).toEqual([
      { policy: 'trial', evaluated: 2, refused: 1 },
      { policy: 'slow', evaluated: 2, refused: 0 },
    ]);
  });

  it('counts a policy once, though it is named thrice and the guard is bound as often', async () => {
    const everything = policy('everything', 5);
    const booted = await boot(
      { onClass: [RateLimit(day)], first: [RateLimit('day'), RateLimit(day), RateLimit(minute)] },
      { global: [everything, day] },
    );

    expect((await (await booted.connect()).call('first')).answer).toBeDefined();
    expect([await left(booted, everything), await left(booted, day), await left(booted, minute)]).toEqual([
      4, 8, 0,
    ]);
  });

  it('settles an estimated cost when the handler has ended, once, and gives back what it was too high', async () => {
    const outcomes: HandlerOutcome[] = [];
    const settle: SettleResolver = (_, outcome) => {
      outcomes.push(outcome);
      return 2;
    };
    const estimated = tokenBucket({ name: 'estimated', capacity: 9, rate: '1/h', cost: 5, settle });
    const booted = await boot({ onClass: [RateLimit(estimated)], first: [RateLimit(estimated)] });
    const client = await booted.connect();

    expect((await client.call('first')).answer?.decision?.remaining).toBe(4);
    await eventually(async () => (await left(booted, estimated)) === 7, 'the first is settled');
    expect(outcomes).toEqual([{ result: expect.stringContaining('"estimated"'), aborted: false }]);
    expect((await client.call('second')).answer?.decision?.remaining).toBe(2);
    await eventually(async () => (await left(booted, estimated)) === 5, 'the second is settled');
  });

  unless(
    'global',
    'counts a policy of the application on a handler without a decorator',
    async () => {
      const booted = await boot({}, { global: [minute] });
      const client = await booted.connect();

      expect((await client.call('first')).answer?.decision?.policy).toBe('minute');
      expect((await client.call('second')).error).toBeDefined();
    },
    async () => {
      const booted = await boot({ second: [RateLimit(day)] }, { global: [minute] });
      const client = await booted.connect();
      for (let i = 0; i < 2; i++) expect((await client.call('first')).answer?.decision).toBeUndefined();
      expect(await left(booted, minute)).toBe(1);
      await client.call('second');
      expect(await left(booted, minute)).toBe(0);
    },
  );

  describe('a leaky bucket', () => {
    it('lets those who come at once start one after another', async () => {
      const { connect } = await boot({ first: [LeakyBucket({ capacity: 8, rate: 50 })] });
      const client = await connect();
      const began = performance.now();
      const replies = await Promise.all([1, 2, 3, 4].map(() => client.call('first')));
      const starts = replies.map(({ answer }) => answer!).sort((a, b) => a.at - b.at);

      expect(starts.map(({ decision }) => decision?.delayMs)).toEqual([0, 20, 40, 60]);
      for (const { at, decision } of starts) expect(at - began).toBeGreaterThanOrEqual(decision!.delayMs);
    });

    unless(
      'leaving',
      'ends the waits of a caller that leaves, and gives the places back',
      async () => {
        const booted = await boot({ first: [RateLimit(line)] });
        await (await booted.connect()).call('first');
        const client = await booted.connect();
        for (let i = 0; i < 12; i++) client.call('first').catch(() => undefined);
        await eventually(() => waiting(booted) === 12, 'all wait');
        expect(await placesTaken(booted)).toBe(13);
        client.leave();
        await eventually(() => waiting(booted) === 0, 'the waits have ended');
        await eventually(async () => (await placesTaken(booted)) === 1, 'the places are free');
        expect(booted.started).toEqual(['first']);
      },
      async () => {
        const booted = await boot({ first: [RateLimit(line)] });
        const [staying, leaving] = [await booted.connect(), await booted.connect()];
        await staying.call('first');
        leaving.call('first').catch(() => undefined);
        await eventually(() => waiting(booted) === 1, 'it waits');
        leaving.leave();
        await staying.call('second');
        expect([waiting(booted), await placesTaken(booted)]).toEqual([1, 2]);
      },
    );

    const closeWhileTheyWait = async (each: (reply: Promise<Reply>) => void) => {
      const booted = await boot({ first: [RateLimit(line)] });
      const client = await booted.connect();
      await client.call('first');
      for (let i = 0; i < 3; i++) each(client.call('first'));
      await eventually(() => waiting(booted) === 3, 'all wait');
      await booted.close();
      expect([waiting(booted), booted.started]).toEqual([0, ['first']]);
    };

    unless(
      'shutdown',
      'ends all waits with the coded error when the application is closed',
      async () => {
        const replies: Promise<Reply>[] = [];
        await closeWhileTheyWait((reply) => replies.push(reply));
        for (const { error } of await Promise.all(replies)) expect(error).toEqual(adapter.shutdown);
      },
      () => closeWhileTheyWait((reply) => void reply.catch(() => undefined)),
    );
  });
});
