import { type ServerResponse, validateHeaderValue } from 'node:http';
import { afterAll, describe, expect, it } from '@jest/globals';
import {
  type ArgumentsHost,
  Catch,
  Controller,
  type ExceptionFilter,
  Get,
  HttpException,
  Logger,
} from '@nestjs/common';
import { errorCodes } from '../../lib/errors/codes.js';
import {
  byAll,
  byHeader,
  byIp,
  type Decision,
  LeakyBucket,
  type Limits,
  leakyBucket,
  RateLimitError,
  RateLimitExceededError,
  RateLimitExceededException,
  type RateLimiterService,
  TokenBucket,
  tokenBucket,
} from '../../lib/index.js';
import { parseOptions } from '../../lib/options/parse-options.js';
import { MemoryStore } from '../../lib/stores/memory/memory.store.js';
import { RedisStore } from '../../lib/stores/redis/redis.store.js';
import type { Store } from '../../lib/stores/store.interface.js';
import { bootApp, closeApps } from '../support/app.js';
import { Caller } from '../support/fuzz/calls.js';
import { moduleShape, policyShape } from '../support/fuzz/options.js';
import { mostly, type Shape, wrongOptions } from '../support/fuzz/values.js';
import { hostileTexts } from '../support/hostile-texts.js';
import { Random } from '../support/oracle/scenario.js';
import { closeClients, connect } from '../support/redis/clients.js';
import { startRedis } from '../support/redis/server.js';
import { serviceOn } from '../support/service.js';

/** What an attempt has come to: `accepted`, a code of ours, or what must not happen. */
function outcome(attempt: () => unknown): string {
  try {
    attempt();
    return 'accepted';
  } catch (error) {
    return codeOf(error);
  }
}

function codeOf(error: unknown): string {
  if (error instanceof RateLimitExceededError || error instanceof RateLimitExceededException)
    return 'refused';
  if (error instanceof RateLimitError && error.code in errorCodes) return error.code;
  if (error instanceof Error && error.message === 'gone') return 'aborted';
  return `wrong: ${error instanceof Error ? error.stack?.split('\n    at ').slice(0, 4).join(' < ') : String(error)}`;
}

function messageOf(attempt: () => unknown): string {
  try {
    return `no error: ${attempt()}`;
  } catch (error) {
    return (error as Error).message;
  }
}

const isWrong = (told: string) => told.startsWith('wrong');

/** How often each was told. */
class Tally {
  readonly told = new Map<string, number>();
  readonly wrong: string[] = [];

  add(told: string, what: () => string): void {
    if (isWrong(told)) this.wrong.push(`${what()} ${told}`);
    else this.told.set(told, (this.told.get(told) ?? 0) + 1);
  }
}

function fuzz(count: number, shape: Shape, parse: (options: never) => unknown): Tally {
  const [random, tally] = [new Random(1), new Tally()];
  for (let i = 0; i < count; i++) {
    const options = wrongOptions(random, shape, i % 2 === 0 ? 0.25 : 0.6);
    tally.add(
      outcome(() => parse(options as never)),
      () => `attempt ${i}:`,
    );
  }
  return tally;
}

/** That nothing went wrong, and that the attempts were neither all right nor all wrong. */
function expectBoth({ told, wrong }: Tally, codes: number): void {
  expect(wrong.slice(0, 5)).toEqual([]);
  expect(told.get('accepted')).toBeGreaterThan(100);
  expect(told.size).toBeGreaterThan(codes);
}

describe('random options, each accepted or refused with a code:', () => {
  it('35,000 of the module', () => {
    expectBoth(fuzz(35_000, moduleShape, parseOptions), 3);
  });

  it('20,000 of token buckets', () => {
    expectBoth(fuzz(20_000, policyShape, tokenBucket), 7);
  });

  it('20,000 of leaky buckets', () => {
    expectBoth(fuzz(20_000, policyShape, leakyBucket), 7);
  });

  it.each([
    ['the module', moduleShape, parseOptions],
    ['leaky buckets', policyShape, leakyBucket],
  ] as const)('all that there are of %s', (_, shape, parse) => {
    const known = /write one of (.*) \[UNKNOWN_OPTION\]/.exec(
      messageOf(() => parse({ none: 1 } as never)),
    )?.[1];
    expect(known?.split(', ').sort()).toEqual(Object.keys(shape).sort());
  });
});

const CALLS_AT_ONCE = 200;

describe('random calls of the service, each answered or refused with a code:', () => {
  const keys = hostileTexts(600, 7).filter(({ length }) => length < 1000);

  afterAll(closeClients);

  async function fuzzCalls(store: Store, count: number): Promise<[Tally, RateLimiterService]> {
    const { service, background } = serviceOn(store);
    const [caller, tally] = [new Caller(new Random(2), keys, service), new Tally()];
    for (let i = 0; i < count; i += CALLS_AT_ONCE) {
      const calls = Array.from({ length: CALLS_AT_ONCE }, () => caller.call());
      const ends = await Promise.allSettled(calls.map(([, answer]) => answer));
      ends.forEach((end, j) => {
        const told = end.status === 'fulfilled' ? oddity(end.value) : codeOf(end.reason);
        tally.add(told, () => calls[j]?.[0] as string);
      });
    }
    await background.drain(1000);
    return [tally, service];
  }

  async function expectInOrder(store: Store, count: number): Promise<void> {
    const [tally, service] = await fuzzCalls(store, count);
    expectBoth(tally, 10);
    const after = await service.consume('chat', 'after the storm');
    expect(after).toMatchObject({ allowed: true, remaining: 4 });
  }

  it('20,000 in memory', async () => {
    await expectInOrder(new MemoryStore({ maxKeys: 200 }), 20_000);
  });

  it('4,000 on a Redis server', async () => {
    const server = await startRedis();
    const client = connect(server.url, { enableAutoPipelining: true });
    await expectInOrder(new RedisStore(client, { prefix: 'floodgate' }), 4000);
    expect(await client.get('floodgate:none')).toBeNull();
    await closeClients();
    await server.stop();
  });
});

/** `accepted`, or what is wrong with an answer that is a decision. */
function oddity(answer: unknown): string {
  const { allowed, limit, remaining, retryAfterMs, resetAfterMs, delayMs } = (answer ?? {}) as Decision;
  if (typeof allowed !== 'boolean' || limit === undefined) return 'accepted';
  const isCount = (value: number | null) => Number.isSafeInteger(value) && (value as number) >= 0;
  const isRight =
    [limit, remaining, resetAfterMs, delayMs].every(isCount) &&
    remaining <= limit &&
    (retryAfterMs === null ? !allowed : isCount(retryAfterMs) && (retryAfterMs === 0) === allowed);
  return isRight ? 'accepted' : `wrong: ${JSON.stringify(answer)}`;
}

describe('1,000 random requests, with functions of the application that answer anything:', () => {
  const random = new Random(3);
  const thrown: unknown[] = [];
  const texts = hostileTexts(2000, 9)
    .map((text) => Buffer.from(text).toString('latin1'))
    .filter((text) => text.length < 1000 && isHeaderValue(text));

  @Controller('wild')
  class Wild {
    @Get()
    @TokenBucket({
      name: 'wild',
      key: byAll(byIp(), byHeader('x-key')),
      cost: () => mostly(0, 1, 2, 50)(random),
      limits: () => mostly<Limits | 'unlimited'>({ capacity: 20, rate: '20/s' }, 'unlimited')(random),
      skip: () => mostly(false, false, true)(random),
      settle: () => mostly(0, 1, 5)(random),
    })
    @LeakyBucket({ capacity: 10, rate: 1000, key: () => mostly('ada', 'bob', '')(random) })
    find() {
      return 'served';
    }
  }

  @Catch()
  class Note implements ExceptionFilter {
    catch(error: unknown, host: ArgumentsHost) {
      thrown.push(error);
      const response = host.switchToHttp().getResponse<ServerResponse>();
      response.writeHead(error instanceof HttpException ? error.getStatus() : 500).end();
    }
  }

  afterAll(closeApps);

  it('each is served, refused, or fails with a code', async () => {
    Logger.overrideLogger(false); // what `settle` answers wrongly is logged
    const server = await bootApp({
      controllers: [Wild],
      trustProxy: true,
      prepare: (app) => app.useGlobalFilters(new Note()),
    });
    const tally = new Tally();
    for (let i = 0; i < 1000; i += 25) {
      const asked = Array.from({ length: 25 }, () =>
        server.request(`/wild?${encodeURIComponent(random.pick(texts))}`, {
          headers: {
            'x-forwarded-for': random.pick(texts),
            'x-key': random.pick(texts),
            forwarded: random.pick(texts),
          },
        }),
      );
      for (const { status } of await Promise.all(asked)) tally.add(String(status), () => 'request');
    }
    for (const error of thrown) tally.add(codeOf(error), () => 'thrown:');
    expect(tally.wrong.slice(0, 5)).toEqual([]);
    const codes = [...tally.told.keys()].sort();
    expect(codes).toEqual(
      expect.arrayContaining([
        '200',
        '429',
        '500',
        'INVALID_COST',
        'INVALID_KEY',
        'INVALID_LIMITS',
        'INVALID_SKIP',
      ]),
    );
  });
});

function isHeaderValue(text: string): boolean {
  return outcome(() => validateHeaderValue('x-key', text)) === 'accepted';
}
