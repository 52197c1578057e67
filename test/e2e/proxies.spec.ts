// Who is counted behind proxies, by the setting of the framework, and what is said of a setting that is of no use.
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ConsoleLogger, Controller, Get, type INestApplication, type Type } from '@nestjs/common';
import { Query, Resolver } from '@nestjs/graphql';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  byAll,
  byGlobal,
  byHeader,
  byIp,
  byUser,
  type Decision,
  fromIps,
  type KeyResolver,
  RateLimitDecision,
  type RateLimitModuleOptions,
  SkipRateLimit,
  TokenBucket,
  tokenBucket,
} from '../../lib/index.js';
import { adapters, bootApp, closeApps, type TestApp, type TrustProxy } from '../support/app.js';
import { ManualClock } from '../support/manual-clock.js';
import { catsWith } from '../support/routes.js';
import { graphqlModule } from '../support/transports/graphql.js';
import { nestLine } from '../support/transports/transport.js';

const limit = { capacity: 1, rate: '1/h' };
const servers: Server[] = [];

function catsBy(key: KeyResolver): Type {
  @Controller('cats')
  class Cats {
    @Get()
    @TokenBucket({ ...limit, key })
    find(@RateLimitDecision() decision: Decision) {
      return { key: decision.key };
    }
  }
  return Cats;
}

const forwarded = (...addresses: string[]) => ({ headers: { 'x-forwarded-for': addresses.join(', ') } });

/** The key that a request is counted under; each is asked for once, for its bucket holds one token. */
const keyOf = async ({ request }: TestApp, ...addresses: string[]) =>
  ((await (await request('/cats', forwarded(...addresses))).json()) as { key?: string }).key;

afterEach(async () => {
  await closeApps();
  for (const server of servers.splice(0)) server.close();
});

describe.each(adapters)('on %s', (adapter) => {
  const clock = new ManualClock(1);
  const boot = (trustProxy?: TrustProxy, key: KeyResolver = byIp()) =>
    bootApp({
      controllers: [catsBy(key)],
      adapter,
      clock,
      ...(trustProxy === undefined ? {} : { trustProxy }),
    });
  /** Newer versions of Fastify trust nobody by a number: what it counts says nothing of who they are. */
  const countsProxies = adapter === 'express' || nestLine < 12;

  describe('the client is', () => {
    const [client, forged, cdn, balancer] = ['203.0.113.7', '198.51.100.9', '192.0.2.8', '10.0.0.2'];
    const ours = (address: string) => address === '127.0.0.1' || address === balancer;
    const self = '127.0.0.1';
    const hops = (address: string) => (countsProxies ? address : self);

    it.each<[string, TrustProxy | undefined, string[], string]>([
      ['the connection, where nothing is set', undefined, [forged], self],
      ['the connection, where nobody is trusted', false, [forged], self],
      [
        'who is written first, where everybody is trusted: the client, or what it has forged',
        true,
        [forged, client],
        forged,
      ],
      ['what one proxy saw', 1, [client], hops(client)],
      ['what one proxy saw, whatever came before', 1, [forged, client], hops(client)],
      ['what the first of two proxies saw', 2, [forged, client, cdn], hops(client)],
      [
        'one address of a list before the proxies that are named',
        '127.0.0.1, 10.0.0.0/8',
        [forged, client, balancer],
        client,
      ],
      ['the same with a list of texts', ['127.0.0.0/8', '10.0.0.0/8'], [forged, client, balancer], client],
      ['a proxy that is not named', '127.0.0.1', [client, cdn], cdn],
      ['the connection, where that is of no proxy that is named', '10.0.0.0/8', [forged], self],
      ['what a function says', ours, [forged, client, balancer], client],
      ['the connection, where no proxy has written anything', '127.0.0.1', [], self],
    ])('%s', async (_, trustProxy, chain, expected) => {
      const app = await boot(trustProxy);

      expect(await keyOf(app, ...chain)).toBe(expected);
    });

    it.each<[string, TrustProxy | undefined]>([
      ['nothing is set', undefined],
      ['nobody is trusted', false],
      ['other proxies are trusted', '10.0.0.0/8'],
    ])('the same, whatever it forges, where %s', async (_, trustProxy) => {
      const app = await boot(trustProxy);
      await app.request('/cats');

      for (const address of ['203.0.113.7', '203.0.113.8', '::1', 'nonsense']) {
        expect(await app.statuses(1, '/cats', forwarded(address))).toEqual([429]);
      }
    });

    it('the same, whatever other fields of an address it forges', async () => {
      const app = await boot('127.0.0.1');
      await app.request('/cats', forwarded(client));

      const fields = [
        'forwarded',
        'x-real-ip',
        'x-client-ip',
        'cf-connecting-ip',
        'true-client-ip',
        'x-cluster-client-ip',
      ];
      const forgeries = Object.fromEntries(
        fields.map((field) => [field, field === 'forwarded' ? `for=${forged}` : forged]),
      );
      const headers = { ...forwarded(client).headers, ...forgeries };
      expect(await app.statuses(1, '/cats', { headers })).toEqual([429]);
    });

    it('another behind each address of a proxy that is trusted', async () => {
      const app = await boot('127.0.0.1');

      expect(await keyOf(app, '203.0.113.7')).toBe('203.0.113.7');
      expect(await keyOf(app, '203.0.113.8')).toBe('203.0.113.8');
      expect(await app.statuses(1, '/cats', forwarded(forged, '203.0.113.7'))).toEqual([429]);
    });
  });

  describe('an address', () => {
    const proxy = '127.0.0.1';

    it('of IPv6 is its network, so a client that goes through its addresses stays one', async () => {
      const app = await boot(proxy);

      expect(await keyOf(app, '2001:db8:1:2::1')).toBe('2001:db8:1:2::/64');
      for (const same of ['2001:db8:1:2:3:4:5:6', '2001:DB8:0001:2::ffff']) {
        expect(await app.statuses(1, '/cats', forwarded(same))).toEqual([429]);
      }
      expect(await keyOf(app, '2001:db8:1:3::1')).toBe('2001:db8:1:3::/64');
    });

    it.each([
      [48, '2001:db8:1::/48'],
      [128, '2001:db8:1:2::1'],
    ])('of IPv6 is as much of it as is asked for: %d', async (ipv6Prefix, expected) => {
      expect(await keyOf(await boot(proxy, byIp({ ipv6Prefix })), '2001:db8:1:2::1')).toBe(expected);
    });

    it('of IPv4 that is mapped into IPv6 is the IPv4 address', async () => {
      const app = await boot(proxy);

      expect(await keyOf(app, '::ffff:203.0.113.7')).toBe('203.0.113.7');
      expect(await app.statuses(2, '/cats', forwarded('::ffff:cb00:7107'))).toEqual([429, 429]);
      expect(await app.statuses(1, '/cats', forwarded('203.0.113.7'))).toEqual([429]);
    });

    it.each<[string, TrustProxy | undefined, string]>([
      ['one for all', undefined, 'unknown'],
      ['that of the client, if sockets are trusted', (address) => address === undefined, '203.0.113.7'],
    ])('of a Unix socket is missing: %s', async (_, trustProxy, expected) => {
      const directory = await mkdtemp(join(tmpdir(), 'floodgate-'));
      const { app } = await boot(trustProxy);
      const socketPath = await listenOn(app, join(directory, 'socket'));
      const ask = async () => {
        const options = { socketPath, path: '/cats', agent: false, ...forwarded('203.0.113.7') };
        const response = await new Promise<IncomingMessage>((resolve, reject) => {
          get(options, resolve).once('error', reject);
        });
        return [response.statusCode, JSON.parse(await text(response)).key];
      };

      expect(await ask()).toEqual([200, expected]);
      expect((await ask())[0]).toBe(429);
      await rm(directory, { recursive: true });
    });
  });

  describe('a warning', () => {
    const byAddress = TokenBucket({ ...limit, key: byIp() });
    const bootAndListen = async (options: Partial<Parameters<typeof bootApp>[0]>) => {
      const warnings: string[] = [];
      const logger = new ConsoleLogger();
      logger.warn = (message: string) => void warnings.push(message);
      logger.log = () => undefined;
      const app = await bootApp({
        controllers: [catsWith(byAddress)],
        adapter,
        clock: new ManualClock(1),
        ...options,
        prepare: (app) => {
          app.useLogger(logger);
          options.prepare?.(app);
        },
      });
      return { app, warnings };
    };
    const named =
      adapter === 'express' ? "app.set('trust proxy', '10.0.0.0/8')" : "trustProxy: '10.0.0.0/8' })";
    const spoofable = [
      expect.stringMatching(
        /^Cats.find: .* every proxy is trusted \('?trust ?proxy'?\).*\[SPOOFABLE_ADDRESS\]$/i,
      ),
    ];
    const notTrusted = [
      expect.stringMatching(/^Cats.find: .*all clients behind a proxy count as one.*\[PROXY_NOT_TRUSTED\]$/),
    ];

    it.each<[string, TrustProxy | undefined, unknown[]]>([
      ['everybody', true, spoofable],
      ['every address, in two halves', '0.0.0.0/1, 128.0.0.0/1', spoofable],
      ['whom a function does not look at', () => true, spoofable],
      ['one proxy', 1, countsProxies ? [] : notTrusted],
      ['proxies that are named', '127.0.0.1, 10.0.0.0/8', []],
      ['a function that looks', (address) => address === '10.0.0.2', []],
      ['nobody', false, []],
      ['nobody, unsaid', undefined, []],
    ])('at the boot, where the framework trusts %s', async (_, trustProxy, expected) => {
      const { warnings } = await bootAndListen(trustProxy === undefined ? {} : { trustProxy });

      expect(warnings).toEqual(expected);
      for (const warning of warnings) expect(warning).toContain(named);
    });

    it.each<[string, KeyResolver | undefined, RateLimitModuleOptions]>([
      ['the key of the module', undefined, {}],
      ['a part of a key', byAll(byHeader('x-tenant'), byIp()), {}],
      ['the key of who has no user', byUser('id', { anonymous: byIp() }), {}],
      ['a policy for all', byGlobal(), { global: [tokenBucket(limit)] }],
      ['networks that are skipped', byGlobal(), { skip: fromIps('10.0.0.0/8') }],
    ])('counts an address that is %s', async (_, key, rateLimit) => {
      const controllers = [catsWith(TokenBucket({ ...limit, key }))];

      expect((await bootAndListen({ controllers, rateLimit, trustProxy: true })).warnings).toEqual(spoofable);
    });

    it('is not given where no address is read', async () => {
      const key = byAll(byHeader('x-api-key'), byGlobal());
      const controllers = [catsWith(TokenBucket({ ...limit, key }))];
      const skipped = [catsWith(byAddress, SkipRateLimit())];

      expect((await bootAndListen({ controllers, trustProxy: true })).warnings).toEqual([]);
      const { warnings } = await bootAndListen({ controllers: skipped, trustProxy: true });
      expect(warnings).not.toContainEqual(spoofable[0]);
    });

    it('is not given for a gateway, for whose connections no framework reads the field', async () => {
      @WebSocketGateway()
      class Gateway {
        @SubscribeMessage('say')
        @TokenBucket(limit)
        say() {}
      }
      const { warnings } = await bootAndListen({
        controllers: [],
        providers: [Gateway],
        trustProxy: true,
        prepare: (app) => app.useWebSocketAdapter(new IoAdapter(app)),
      });

      expect(warnings).toEqual([]);
    });

    it('counts a resolver, whose address is that of its request', async () => {
      @Resolver()
      class Cats {
        @Query('cats')
        @byAddress
        find() {
          return 'cats';
        }
      }
      const graphql = {
        controllers: [],
        providers: [Cats],
        imports: [
          graphqlModule(adapter === 'express' ? 'apollo' : 'mercurius', {
            typeDefs: 'type Query { cats: String }',
          }),
        ],
      };
      expect((await bootAndListen({ ...graphql, trustProxy: true })).warnings).toEqual(spoofable);

      const { app, warnings } = await bootAndListen(graphql);
      const headers = { 'content-type': 'application/json', 'x-forwarded-for': '203.0.113.7' };
      await app.request('/graphql', { method: 'POST', headers, body: JSON.stringify({ query: '{ cats }' }) });
      expect(warnings).toEqual(notTrusted);
    });

    it('names one place, and how many more there are', async () => {
      @Controller('dogs')
      class Dogs {
        @Get()
        @TokenBucket(limit)
        find() {}

        @Get('all')
        @TokenBucket(limit)
        findAll() {}
      }
      const { warnings } = await bootAndListen({
        controllers: [catsWith(byAddress), Dogs],
        trustProxy: true,
      });

      expect(warnings).toEqual([expect.stringMatching(/^Cats.find and 2 more: /)]);
    });

    it('comes once, with the first request that a proxy has forwarded', async () => {
      const controllers = [catsWith(byAddress, TokenBucket({ ...limit, key: byAll(byIp(), byGlobal()) }))];
      const { app, warnings } = await bootAndListen({ controllers });
      await app.request('/cats');
      expect(warnings).toEqual([]);

      await app.statuses(3, '/cats', forwarded('203.0.113.7'));
      expect(warnings).toEqual(notTrusted);
      expect(warnings[0]).toContain(named);
      expect(warnings[0]).toContain(
        adapter === 'express' ? "app.set('trust proxy', false)" : 'trustProxy: false',
      );
    });

    it('comes for networks that are skipped too: the proxy may be in them', async () => {
      const controllers = [catsWith(TokenBucket({ ...limit, key: byGlobal(), skip: fromIps('127.0.0.1') }))];
      const { app, warnings } = await bootAndListen({ controllers });

      expect(await app.statuses(2, '/cats', forwarded('203.0.113.7'))).toEqual([200, 200]);
      expect(warnings).toEqual(notTrusted);
    });

    it.each<[string, TrustProxy | undefined, KeyResolver]>([
      ['nobody is trusted, and that is said', false, byIp()],
      ['proxies are named', '10.0.0.0/8', byIp()],
      ['no address is read', undefined, byGlobal()],
    ])('never comes with a request where %s', async (_, trustProxy, key) => {
      const { app, warnings } = await bootAndListen({
        controllers: [catsWith(TokenBucket({ ...limit, key }))],
        ...(trustProxy === undefined ? {} : { trustProxy }),
      });
      await app.statuses(2, '/cats', forwarded('203.0.113.7'));

      expect(warnings).toEqual([]);
    });
  });
});

describe('what is set on Express after the application was made', () => {
  const set = (app: INestApplication, value: unknown) =>
    (app as NestExpressApplication).set('trust proxy', value);

  it.each([
    ['is seen at the boot', true, ['SPOOFABLE_ADDRESS']],
    ['may be that nobody is trusted', false, []],
  ])('%s', async (_, value, codes) => {
    const { warnings } = await bootWith((app) => set(app, value));
    expect(warnings.map((warning) => /\[(\w+)\]$/.exec(warning)?.[1])).toEqual(codes);
  });

  it('is seen when a request comes', async () => {
    const { app, warnings } = await bootWith(() => undefined);
    set(app.app, '127.0.0.1');
    await app.request('/cats', forwarded('203.0.113.7'));

    expect(warnings).toEqual([]);
  });

  async function bootWith(prepare: (app: INestApplication) => void) {
    const warnings: string[] = [];
    const logger = new ConsoleLogger();
    logger.warn = (message: string) => void warnings.push(message);
    logger.log = () => undefined;
    const app = await bootApp({
      controllers: [catsBy(byIp())],
      prepare: (app) => {
        app.useLogger(logger);
        prepare(app);
      },
    });
    return { app, warnings };
  }
});

/** The application on a Unix socket besides, as behind a proxy on the same machine. */
async function listenOn(app: INestApplication, path: string): Promise<string> {
  const server = createServer((request, response) => app.getHttpServer().emit('request', request, response));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return path;
}
