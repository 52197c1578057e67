import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { RateLimit, RateLimiterService, type RateLimitModuleOptions, tokenBucket } from '../../lib/index.js';
import { type RedisClient, runScript } from '../../lib/stores/redis/redis-client.js';
import { decideScript } from '../../lib/stores/redis/scripts/generated.js';
import { bootApp, closeApps } from '../support/app.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import { closeClients, connect } from '../support/redis/clients.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';

@Controller('wrong')
class WrongController {
  @Get()
  @RateLimit('no such policy')
  find() {
    return [];
  }
}

const other = tokenBucket({ name: 'other', capacity: 3, rate: '1/h' });
const chat = tokenBucket({ name: 'chat', capacity: 3, rate: '1/h' });

let server: RedisServer;
let prefix: string;

beforeAll(async () => {
  server = await startRedis();
});

afterAll(async () => {
  await closeClients();
  await server.stop();
});

beforeEach(() => {
  prefix = freshPrefix('clients');
});

afterEach(closeApps);

async function serviceOn(redis: RateLimitModuleOptions['redis'], own = prefix): Promise<RateLimiterService> {
  const { app } = await bootApp({ rateLimit: { redis, prefix: own, policies: [chat] } });
  return app.get(RateLimiterService);
}

const connections = async () => {
  const list = (await connect(server.adminUrl).client('LIST')) as string;
  return list.trim().split('\n').length;
};

/** Options of a client that are plain values: what a library could change in passing. */
const snapshot = (client: { options: object }) => JSON.stringify(client.options);

describe('a client of the user', () => {
  it.each([
    ['with default options', {}],
    ['with auto-pipelining', { enableAutoPipelining: true }],
    ['with a key prefix', { keyPrefix: 'floodgate:app:' }],
    ['that answers numbers as text', { stringNumbers: true }],
    ['that connects at the first command', { lazyConnect: true }],
  ])('%s is used as it is, and stays open', async (_, options) => {
    const client = connect(server.url, options);
    const before = snapshot(client);
    const service = await serviceOn(client);
    const decisions = await Promise.all([1, 2, 3, 4].map(() => service.consume(chat, 'ada')));
    expect(decisions.map(({ allowed, remaining }) => [allowed, remaining])).toEqual([
      [true, 2],
      [true, 1],
      [true, 0],
      [false, 0],
    ]);
    expect(decisions[3]!.source).toBe('redis');
    // Several scripts for the first time, in one turn of the event loop.
    await Promise.all([
      service.consumeAll([
        { policy: chat, key: 'bob' },
        { policy: other, key: 'bob' },
      ]),
      service.sync(chat, 'ada', { remaining: 1 }),
      service.refund(chat, 'ada', 1),
      service.unblock(chat, 'ada'),
    ]);
    expect(await service.reset('chat', 'ada')).toBe(true);
    await closeApps();
    expect(snapshot(client)).toBe(before);
    expect(await client.get('floodgate:none')).toBeNull();
  });

  it('serves two modules, each with its own buckets', async () => {
    const client = connect(server.url);
    const before = snapshot(client);
    const [one, two] = [await serviceOn(client, `${prefix}-1`), await serviceOn(client, `${prefix}-2`)];
    for (const remaining of [2, 1, 0]) {
      expect(await one.consume(chat, 'ada')).toMatchObject({ allowed: true, remaining });
      expect(await two.consume(chat, 'ada')).toMatchObject({ allowed: true, remaining });
    }
    expect(snapshot(client)).toBe(before);
  });

  it('serves two versions of the script: neither overwrites the other', async () => {
    const client = connect(server.url) as RedisClient & ReturnType<typeof connect>;
    const service = await serviceOn(client);
    const other = { name: 'floodgate:decide:other-version', lua: 'return {KEYS[1], ARGV[1]}' };
    for (const remaining of [2, 1, 0]) {
      expect(await runScript(client, { script: other, keys: ['floodgate:key'], args: ['1'] })).toEqual([
        'floodgate:key',
        '1',
      ]);
      expect(await service.consume(chat, 'ada')).toMatchObject({ allowed: true, remaining });
    }
    expect(decideScript.name).toMatch(/^floodgate:decide:[0-9a-f]{12}$/);
  });

  it('finds its script again after SCRIPT FLUSH', async () => {
    const client = connect(server.url);
    const service = await serviceOn(client);
    await service.consume(chat, 'ada');
    await connect(server.adminUrl).script('FLUSH');
    expect(await service.consume(chat, 'ada')).toMatchObject({ allowed: true, remaining: 1 });
  });
});

describe('a client that the module opens', () => {
  it.each([
    ['from a URL', () => server.url],
    ['from options', () => server.options],
  ])('%s is closed with the application', async (_, redis) => {
    const idle = await connections();
    const service = await serviceOn(redis());
    expect(await service.consume(chat, 'ada')).toMatchObject({ allowed: true, source: 'redis' });
    expect(await connections()).toBe(idle + 2);
    await closeApps();
    expect(await connections()).toBe(idle + 2);
  });

  it('is closed when the boot fails, so that the process can end', async () => {
    const idle = await connections();
    const boot = bootApp({ controllers: [WrongController], rateLimit: { redis: server.url } });
    await expect(boot).rejects.toMatchObject({ code: 'UNKNOWN_POLICY' });
    expect(await connections()).toBe(idle + 1);
  });
});
