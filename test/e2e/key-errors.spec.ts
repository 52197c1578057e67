import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type ArgumentsHost,
  type CanActivate,
  Catch,
  type ExecutionContext,
  UseGuards,
} from '@nestjs/common';
import { BaseExceptionFilter, HttpAdapterHost } from '@nestjs/core';
import { byAll, byIp, byUser, type KeyResolver, TokenBucket } from '../../lib/index.js';
import { adapters, bootApp, closeApps } from '../support/app.js';
import { ManualClock } from '../support/manual-clock.js';
import { catsWith, Wrapped } from '../support/routes.js';

/** What went wrong inside the application; clients are told 500. */
const errors: unknown[] = [];

@Catch()
class Recorder extends BaseExceptionFilter {
  override catch(error: unknown, host: ArgumentsHost) {
    errors.push(error);
    super.catch(error, host);
  }
}

/** An authentication guard that lets everybody in. */
const authenticated = (user: unknown): CanActivate => ({
  canActivate(context: ExecutionContext) {
    context.switchToHttp().getRequest<{ user?: unknown }>().user = user;
    return true;
  },
});

beforeEach(() => {
  errors.length = 0;
});
afterEach(closeApps);

describe.each(adapters)('on %s', (adapter) => {
  const boot = (key: KeyResolver, ...decorators: MethodDecorator[]) =>
    bootApp({
      controllers: [catsWith(TokenBucket({ capacity: 1, rate: '1/h', key }), ...decorators)],
      adapter,
      clock: new ManualClock(1),
      prepare: (app) => app.useGlobalFilters(new Recorder(app.get(HttpAdapterHost).httpAdapter)),
    });

  describe('byUser', () => {
    it.each([[undefined], [null], [{}], [{ id: '' }], [{ id: {} }], [{ id: [1] }], [{ id: Number.NaN }]])(
      'is an error that names the route where there is no user: %p',
      async (user) => {
        const app = await boot(byUser(), UseGuards(authenticated(user)), Wrapped());

        expect(await app.statuses(1, '/cats')).toEqual([500]);
        expect(errors).toMatchObject([
          { code: 'NO_USER', message: expect.stringMatching(/^Cats\.find: .*anonymous: byIp\(\)/) },
        ]);
      },
    );
  });

  describe('a function of your own', () => {
    const wrong = [undefined, null, 7, {}, ['a'], Promise.resolve(undefined)];
    const places: [string, (key: KeyResolver) => KeyResolver][] = [
      ['alone', (key) => key],
      ['in byAll', (key) => byAll(byIp(), key)],
      ['for whom byUser does not know', (key) => byUser('id', { anonymous: key })],
    ];

    it.each(places)('that returns no text is an error that names the route: %s', async (_, place) => {
      for (const value of wrong) {
        const app = await boot(place((() => value) as unknown as KeyResolver));
        expect(await app.statuses(1, '/cats')).toEqual([500]);
      }
      expect(errors).toEqual(
        wrong.map(() =>
          expect.objectContaining({
            code: 'INVALID_KEY',
            message: expect.stringMatching(/^Cats\.find: .*String\(/),
          }),
        ),
      );
    });

    it('that fails is a failure of the request, which takes nothing', async () => {
      let fails = true;
      const app = await boot(async () => {
        if (fails) throw new Error('the tenant is unknown');
        return 'a';
      });

      expect(await app.statuses(2, '/cats')).toEqual([500, 500]);
      fails = false;
      expect(await app.statuses(2, '/cats')).toEqual([200, 429]);
    });
  });
});
