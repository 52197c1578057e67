// A limit by address before authentication and one by user after it, on one route, however they are written down.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  applyDecorators,
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  type INestApplication,
  Injectable,
  Module,
  type Type,
  UnauthorizedException,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import {
  byAll,
  byGlobal,
  byIp,
  byUser,
  RateLimit,
  RateLimitGuard,
  RateLimitInterceptor,
  type Stage,
  tokenBucket,
} from '../../lib/index.js';
import { type Adapter, adapters, bootApp, closeApps } from '../support/app.js';
import { ManualClock } from '../support/manual-clock.js';
import { remaining } from '../support/routes.js';
import { spyOnStore } from '../support/stores.js';

interface AuthRequest {
  headers: Record<string, string | undefined>;
  user?: { id: string; tenant: string };
}

/** What happened, in order. A limit writes when it is decided: that is when it asks for its cost. */
const log: string[] = [];
const writing = (name: string) => () => {
  log.push(name);
  return 1;
};
const parameters = { capacity: 500, rate: '1/h' };
const ip = tokenBucket({ ...parameters, name: 'ip', cost: writing('ip') });
const user = tokenBucket({ ...parameters, name: 'user', key: byUser(), cost: writing('user') });

/** Who says who they are is believed; who does not is turned away. */
function authenticate(request: AuthRequest): void {
  const { 'x-user': id, 'x-tenant': tenant = '' } = request.headers;
  if (id !== undefined) request.user = { id, tenant };
}

@Injectable()
class AuthGuard implements CanActivate {
  canActivate(context: ExecutionContext) {
    log.push('auth');
    const request = context.switchToHttp().getRequest<AuthRequest>();
    authenticate(request);
    if (request.user === undefined) throw new UnauthorizedException();
    return true;
  }
}

@Module({ providers: [{ provide: APP_GUARD, useClass: AuthGuard }] })
class GlobalAuthModule {}

/** A route at each path, with these decorators in this order. */
function routeAt(path: string, onClass: ClassDecorator[], onMethod: MethodDecorator[]): Type {
  @Controller(path)
  @applyDecorators(...onClass)
  class Cats {
    @Get()
    @applyDecorators(...onMethod)
    find() {
      log.push('handler');
      return [];
    }
  }
  return Cats;
}

type Both = ClassDecorator & MethodDecorator;

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((first, i) =>
    permutations([...items.slice(0, i), ...items.slice(i + 1)]).map((rest) => [first, ...rest]),
  );
}

const auth = UseGuards(AuthGuard) as Both;
const [byAddress, byName] = [RateLimit(ip) as Both, RateLimit(user) as Both];
/** Our guard once more, as somebody would who does not know that it is bound already. */
const bound = applyDecorators(UseGuards(RateLimitGuard), UseInterceptors(RateLimitInterceptor)) as Both;

/** What stands on the class and on the method, in every order. */
const places: Record<string, { onClass: Both[]; onMethod: Both[]; imports?: Type[] }[]> = {
  globally: [
    ...permutations([byAddress, byName, bound]).map((all) => ({ onClass: all, onMethod: [] })),
    ...permutations([byAddress, byName, bound]).map((all) => ({ onClass: [], onMethod: all })),
    { onClass: [byAddress], onMethod: [byName] },
    { onClass: [byName], onMethod: [byAddress] },
  ],
  'with useGlobalGuards': permutations([byAddress, byName, bound]).map((all) => ({
    onClass: [],
    onMethod: all,
  })),
  'on the class': [
    ...permutations([auth, byAddress, byName, bound]).map((all) => ({ onClass: all, onMethod: [] })),
    ...permutations([byAddress, byName, bound]).map((all) => ({ onClass: [auth], onMethod: all })),
    ...permutations([auth, byName]).map((all) => ({ onClass: all, onMethod: [byAddress] })),
  ],
  'on the method': [
    ...permutations([auth, byAddress, byName, bound]).map((all) => ({ onClass: [], onMethod: all })),
    ...permutations([byAddress, byName, bound]).map((all) => ({ onClass: all, onMethod: [auth] })),
    ...permutations([auth, byAddress]).map((all) => ({ onClass: [byName], onMethod: all })),
  ],
};

const asAda = { headers: { 'x-user': 'ada', 'x-tenant': 'acme' } };

beforeEach(() => {
  log.length = 0;
});
afterEach(closeApps);

describe.each(adapters)('on %s', (adapter) => {
  const clock = new ManualClock(1);

  describe.each(Object.keys(places))('with the authentication guard bound %s', (place) => {
    const routes = places[place]!;
    const boot = () =>
      bootApp({
        controllers: routes.map(({ onClass, onMethod }, i) => routeAt(`route-${i}`, onClass, onMethod)),
        imports: place === 'globally' ? [GlobalAuthModule] : [],
        adapter,
        clock,
        prepare: (app) => {
          if (place === 'with useGlobalGuards') app.useGlobalGuards(new AuthGuard());
        },
      });

    it('the address is decided before it, the user after it, in every order of the decorators', async () => {
      const { request } = await boot();
      for (const [i] of routes.entries()) {
        log.length = 0;
        const response = await request(`/route-${i}`, asAda);
        expect([i, ...log]).toEqual([i, 'ip', 'auth', 'user', 'handler']);
        expect(remaining(response)).toEqual({ ip: 499 - i, user: 499 - i });
      }
    });

    it('whom it turns away has taken a token of the address, and none of a user', async () => {
      const { request } = await boot();
      for (const [i] of routes.entries()) {
        const response = await request(`/route-${i}`);
        expect([response.status, remaining(response)]).toEqual([401, { ip: 499 - i }]);
      }
      expect(new Set(log)).toEqual(new Set(['ip', 'auth']));
    });
  });

  describe('where something before the guards authenticates', () => {
    const limit = { capacity: 2, rate: '1/h' };
    const stack = (stage?: Stage) => [
      RateLimit(tokenBucket({ ...limit, name: 'address', key: byIp(), stage })),
      RateLimit(tokenBucket({ ...limit, name: 'user', key: byUser(), stage })),
      RateLimit(tokenBucket({ ...limit, name: 'tenant', key: byAll(byUser('tenant'), byIp()), stage })),
      RateLimit(tokenBucket({ ...limit, name: 'everyone', key: byGlobal(), stage })),
    ];
    const boot = (stage?: Stage) =>
      bootApp({
        controllers: [routeAt('cats', [], stack(stage))],
        adapter,
        clock,
        prepare: (app) => authenticateEarly(app, adapter),
      });

    it("stage: 'guard' decides all in one call of the store, refused or not", async () => {
      const { app, request } = await boot('guard');
      const calls = spyOnStore(app);

      expect(remaining(await request('/cats', asAda))).toEqual({
        address: 1,
        user: 1,
        tenant: 1,
        everyone: 1,
      });
      expect(calls()).toBe(1);
      await request('/cats', asAda);
      const refusal = await request('/cats', asAda);
      expect(refusal.status).toBe(429);
      expect(calls()).toBe(3);
    });

    it('without it those by user are a stage of their own, and a second call', async () => {
      const { app, request } = await boot();
      const calls = spyOnStore(app);

      expect((await request('/cats', asAda)).status).toBe(200);
      expect(calls()).toBe(2);
    });

    it('who is not authenticated is an error that names the route', async () => {
      const { app, request } = await boot('guard');
      const calls = spyOnStore(app);

      expect((await request('/cats')).status).toBe(500);
      expect(calls()).toBe(0);
    });
  });
});

/** Middleware of Nest sees the request of Node, which on Fastify is not the one that guards see: there it is a hook. */
function authenticateEarly(app: INestApplication, adapter: Adapter): void {
  if (adapter === 'express') {
    app.use((request: AuthRequest, _response: unknown, next: () => void) => {
      authenticate(request);
      next();
    });
    return;
  }
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRequest', async (request: AuthRequest) => {
      authenticate(request);
    });
}
