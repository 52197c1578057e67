import { afterEach, describe, expect, it } from '@jest/globals';
import type { ExecutionContext } from '@nestjs/common';
import { byHeader, byUser, fromIps, TokenBucket } from '../../lib/index.js';
import { adapters, bootApp, closeApps } from '../support/app.js';
import { expectMistake } from '../support/mistake.js';
import { catsWith, remaining } from '../support/routes.js';

const one = { capacity: 1, rate: '1/h' };
const header = (context: ExecutionContext, name: string) => context.switchToHttp().getRequest().headers[name];
const isHealthCheck = (context: ExecutionContext) => header(context, 'x-health') === 'yes';
const healthy = { headers: { 'x-health': 'yes' } };

afterEach(closeApps);

describe.each(adapters)('on %s', (adapter) => {
  it.each([
    ['sync', isHealthCheck],
    ['async', async (context: ExecutionContext) => isHealthCheck(context)],
  ])('a request that a policy skips takes nothing of it (%s)', async (_, skip) => {
    const { statuses, request } = await bootApp({
      controllers: [
        catsWith(
          TokenBucket({ ...one, name: 'one', skip }),
          TokenBucket({ ...one, name: 'ten', capacity: 10 }),
        ),
      ],
      adapter,
    });
    expect(await statuses(3, '/cats', healthy)).toEqual([200, 200, 200]);
    expect(remaining(await request('/cats', healthy))).toEqual({ ten: 6 });
    expect(await statuses(2, '/cats')).toEqual([200, 429]);
  });

  it('a request that the module skips takes nothing at all, and needs no key', async () => {
    const { statuses, request } = await bootApp({
      controllers: [catsWith(TokenBucket({ ...one, key: byUser() }))],
      rateLimit: { skip: isHealthCheck, global: [] },
      adapter,
    });
    expect(await statuses(3, '/cats', healthy)).toEqual([200, 200, 200]);
    expect((await request('/cats', healthy)).headers.get('ratelimit')).toBeNull();
    expect(await statuses(1, '/cats')).toEqual([500]);
  });

  it('addresses and networks can be let through, seen as the framework sees them', async () => {
    const { statuses } = await bootApp({
      controllers: [
        catsWith(TokenBucket({ ...one, skip: fromIps('10.0.0.0/8', '2001:db8::/32', '192.0.2.7') })),
      ],
      adapter,
      trustProxy: true,
    });
    const from = (ip: string) => ({ headers: { 'x-forwarded-for': ip } });
    for (const ip of ['10.1.2.3', '::ffff:10.1.2.3', '2001:db8:1::9', '192.0.2.7']) {
      expect([ip, await statuses(2, '/cats', from(ip))]).toEqual([ip, [200, 200]]);
    }
    for (const ip of ['11.0.0.1', '2001:db9::1', '192.0.2.8', 'nonsense']) {
      expect([ip, await statuses(2, '/cats', from(ip))]).toEqual([ip, [200, 429]]);
    }
  });

  it('keys can be let through', async () => {
    const { statuses } = await bootApp({
      controllers: [catsWith(TokenBucket({ ...one, key: byHeader('x-user'), allow: ['ada', 'grace'] }))],
      adapter,
    });
    const as = (user: string) => ({ headers: { 'x-user': user } });
    expect(await statuses(3, '/cats', as('grace'))).toEqual([200, 200, 200]);
    expect(await statuses(2, '/cats', as('Grace'))).toEqual([200, 429]);
  });

  it('an answer that is neither yes nor no is an error, and limits are not lost in silence', async () => {
    const { statuses } = await bootApp({
      controllers: [catsWith(TokenBucket({ ...one, skip: (() => undefined) as never }))],
      adapter,
    });
    expect(await statuses(2, '/cats')).toEqual([500, 500]);
  });
});

describe('a mistake', () => {
  it.each([[], ['10.0.0.0/33'], ['10.1'], ['::/129'], ['localhost'], ['10.0.0.1', '']])(
    'fromIps(%p)',
    async (...ranges) => {
      await expectMistake(() => fromIps(...(ranges as string[])), {
        code: 'INVALID_OPTION',
        place: 'fromIps',
        value: 'the range is ',
        fix: "fromIps('10.0.0.0/8', '::1')",
      });
    },
  );

  it.each([
    [{ skip: true }, 'skip is true (boolean)', "fromIps('10.0.0.0/8')"],
    [{ allow: 'ada' }, 'allow is "ada" (string)', "write a list of keys, as ['ada']"],
    [{ allow: [1] }, 'allow is ', "write a list of keys, as ['ada']"],
  ])('%p', async (options, value, fix) => {
    await expectMistake(
      () => bootApp({ controllers: [catsWith(TokenBucket({ ...one, ...(options as object) }))] }),
      {
        code: 'INVALID_OPTION',
        place: 'Cats.find: @TokenBucket',
        value,
        fix,
      },
    );
  });
});
