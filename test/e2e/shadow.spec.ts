import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get, Logger, type Type } from '@nestjs/common';
import {
  byGlobal,
  byUser,
  type Decision,
  LeakyBucket,
  leakyBucket,
  RateLimit,
  RateLimitDecision,
  RateLimiterService,
  type RateLimitModuleOptions,
  type ShadowMessage,
  TokenBucket,
  tokenBucket,
} from '../../lib/index.js';
import type { Store } from '../../lib/stores/store.interface.js';
import { adapters, bootApp, closeApps } from '../support/app.js';
import { ManualClock } from '../support/manual-clock.js';
import { catsWith, limitFields, members, remaining } from '../support/routes.js';
import { listenToWarnings } from '../support/warnings.js';

const one = { capacity: 1, rate: '1/h', key: byGlobal() } as const;
const trial = tokenBucket({ name: 'trial', ...one, shadow: true });
const shown = tokenBucket({ name: 'shown', ...one, shadow: { headers: true } });
const day = tokenBucket({ name: 'day', ...one, capacity: 3 });

/** Hands its decisions back, as a handler that takes them apart. */
@Controller('told')
class Told {
  @Get()
  @RateLimit(trial)
  @RateLimit(day)
  both(@RateLimitDecision() { policy, ...rest }: Decision, @RateLimitDecision('trial') named: Decision) {
    return { tightest: { policy, ...rest }, named };
  }

  @Get('alone')
  @RateLimit(tokenBucket({ name: 'wide', ...one, capacity: 9, shadow: true }))
  @RateLimit(trial)
  alone(@RateLimitDecision() { policy, allowed }: Decision) {
    return { policy, allowed };
  }

  @Get('bare')
  @RateLimit(trial)
  bare(@RateLimitDecision() decision?: Decision) {
    return { decision };
  }
}

afterEach(closeApps);

describe.each(adapters)('a policy in shadow mode, on %s', (adapter) => {
  const boot = (Cats: Type, rateLimit: RateLimitModuleOptions = {}) =>
    bootApp({ controllers: [Cats], rateLimit, adapter, clock: new ManualClock(1) });
  const cats = (...policies: Parameters<typeof RateLimit>[0][]) =>
    catsWith(...policies.map((policy) => RateLimit(policy)));

  it('lets pass what it would refuse, while those beside it are enforced and charged', async () => {
    const { statuses, app } = await boot(cats(trial, day));

    expect(await statuses(4, '/cats')).toEqual([200, 200, 200, 429]);
    // The refusal of the other kept it neither from being evaluated.
    expect(app.get(RateLimiterService).shadowReport()).toEqual([
      { policy: 'trial', evaluated: 4, refused: 3 },
    ]);
  });

  it('is charged though another refuses', async () => {
    const wide = tokenBucket({ name: 'wide', ...one, capacity: 9, shadow: true });
    const { statuses, app } = await boot(cats(wide, tokenBucket({ name: 'one', ...one })));

    expect(await statuses(3, '/cats')).toEqual([200, 429, 429]);
    expect(await app.get(RateLimiterService).peek('wide', 'all', { cost: 0 })).toMatchObject({
      remaining: 6,
    });
  });

  it('is told in no header, and not among the policies that refused', async () => {
    const { request, statuses } = await boot(cats(trial, day));
    await statuses(3, '/cats');
    const refused = await request('/cats');

    expect(Object.keys(members(refused))).toEqual(['day']);
    expect(Object.keys(members(refused, 'RateLimit-Policy'))).toEqual(['day']);
    expect(await refused.json()).toMatchObject({ status: 429, 'violated-policies': ['day'] });
  });

  it('has no headers even alone, in any style', async () => {
    const { request, statuses } = await boot(cats(trial), { headers: 'both' });
    await statuses(1, '/cats');
    const response = await request('/cats');

    expect([response.status, limitFields(response)]).toEqual([200, {}]);
  });

  it('has the headers of any limit where they are asked for, but never Retry-After', async () => {
    const { request, statuses } = await boot(cats(shown, trial, day), { headers: 'both' });
    await statuses(1, '/cats');
    const response = await request('/cats');

    expect(remaining(response)).toEqual({ shown: 0, day: 1 });
    expect(limitFields(response)).toMatchObject({ 'x-ratelimit-limit': '3', 'x-ratelimit-remaining': '1' });
    expect(response.headers.has('retry-after')).toBe(false);
  });

  it('gives the handler a decision that lets it pass, and says what it would have been', async () => {
    const { request, statuses } = await boot(Told);
    const told = async () =>
      (await (await request('/told')).json()) as { tightest: Decision; named: Decision };
    const first = await told();
    expect(first.named).toMatchObject({ policy: 'trial', allowed: true, shadow: 'admitted', remaining: 0 });
    const second = await told();
    expect(second.named).toEqual({
      allowed: true,
      policy: 'trial',
      key: 'all',
      limit: 1,
      remaining: 0,
      retryAfterMs: 3_600_000,
      resetAfterMs: 3_600_000,
      delayMs: 0,
      source: 'memory',
      shadow: 'refused',
    });
    // Of what is enforced the tightest, though the other has less.
    expect(second.tightest).toMatchObject({ policy: 'day', remaining: 1 });
    expect('shadow' in second.tightest).toBe(false);

    expect(await statuses(1, '/told/alone')).toEqual([200]);
    expect(await (await request('/told/alone')).json()).toEqual({ policy: 'trial', allowed: true });
  });

  it('makes nobody wait, and takes its places all the same', async () => {
    const line = leakyBucket({ name: 'line', ...one, capacity: 10, shadow: true });
    const { statuses, app } = await boot(cats(line));

    // Each would have waited for hours.
    expect(await statuses(3, '/cats')).toEqual([200, 200, 200]);
    expect(await app.get(RateLimiterService).peek('line', 'all', { cost: 0 })).toMatchObject({
      remaining: 7,
      delayMs: 3 * 3_600_000,
      shadow: 'admitted',
    });
  });

  it('imposes its start on no line beside it', async () => {
    const slow = LeakyBucket({ capacity: 10, rate: '1/h', key: byGlobal(), shadow: true });
    const quick = LeakyBucket({ capacity: 10, rate: 50, key: byGlobal() });
    const { request } = await boot(catsWith(slow, quick));
    const began = performance.now();
    const responses = await Promise.all([1, 2, 3].map(() => request('/cats')));

    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(performance.now() - began).toBeGreaterThanOrEqual(40);
  });

  it('fails no request where its key, cost or limits do, and that is logged once', async () => {
    const log = jest.spyOn(Logger.prototype, 'error').mockReturnValue();
    const broken = [
      TokenBucket({ name: 'user', ...one, key: byUser(), shadow: true }),
      TokenBucket({ name: 'cost', ...one, cost: () => -1, shadow: true }),
      TokenBucket({ name: 'limits', key: byGlobal(), limits: async () => undefined as never, shadow: true }),
    ];
    const { statuses } = await boot(catsWith(...broken, RateLimit(day)));

    expect(await statuses(4, '/cats')).toEqual([200, 200, 200, 429]);
    const said = log.mock.calls.map(([message]) => String(message));
    log.mockRestore();
    expect(said.map((message) => /'\w+' is in shadow mode.*\[\w+\]$/.exec(message)?.[0])).toEqual([
      expect.stringMatching(/^'cost'.*\[INVALID_COST\]$/),
      expect.stringMatching(/^'limits'.*\[INVALID_LIMITS\]$/),
      expect.stringMatching(/^'user'.*\[NO_USER\]$/),
    ]);
  });

  it('fails no request where the store does, if nothing is enforced there, and that is logged once', async () => {
    const { app, statuses } = await boot(Told);
    jest.spyOn(app.get<Store>(Symbol.for('nestjs-floodgate.store')), 'decide').mockImplementation(() => {
      throw new Error('the store is gone');
    });
    const log = jest.spyOn(Logger.prototype, 'error').mockReturnValue();
    const found = await statuses(2, '/told/bare');
    const said = log.mock.calls.map(([message]) => String(message));

    expect(found).toEqual([200, 200]);
    expect(said).toEqual([
      expect.stringMatching(/^Told.bare: 'trial' is in shadow mode.*the store is gone$/),
    ]);
    // Where something is enforced, nobody can say that it admits.
    expect(await statuses(1, '/told')).toEqual([500]);
    log.mockRestore();
  });

  describe('all policies, by the option of the module', () => {
    it('lets everything pass but what says otherwise itself', async () => {
      const strict = tokenBucket({ name: 'strict', ...one, capacity: 4, shadow: false });
      const { statuses, app } = await boot(cats(day, strict), {
        shadow: true,
        global: [tokenBucket({ ...one })],
      });

      expect(await statuses(5, '/cats')).toEqual([200, 200, 200, 200, 429]);
      expect(app.get(RateLimiterService).shadowReport()).toEqual([
        { policy: 'global', evaluated: 5, refused: 4 },
        { policy: 'day', evaluated: 5, refused: 2 },
      ]);
    });

    it('tells of them in headers where that is asked for', async () => {
      const { request } = await boot(cats(day), { shadow: { headers: true } });

      expect(remaining(await request('/cats'))).toEqual({ day: 2 });
    });
  });
});

describe('beside what is enforced', () => {
  const storeOf = (app: { get(token: symbol): unknown }) =>
    app.get(Symbol.for('nestjs-floodgate.store')) as Store;

  it('takes no call of the store more', async () => {
    const { app, statuses } = await bootApp({
      controllers: [catsWith(RateLimit(trial), RateLimit(shown), RateLimit(day))],
    });
    const decide = jest.spyOn(storeOf(app), 'decide');
    await statuses(4, '/cats');

    const keys = decide.mock.calls.map(([all]) => all.map(({ takes }) => takes.map(({ key }) => key)));
    expect(keys).toEqual(Array(4).fill([['day:{all}'], ['trial:{all}'], ['shown:{all}']]));
  });
});

describe('the service', () => {
  const line = leakyBucket({ name: 'line', capacity: 2, rate: '1/h', shadow: true });
  const boot = async (rateLimit: RateLimitModuleOptions = {}) =>
    (await bootApp({ rateLimit, clock: new ManualClock(1) })).app.get(RateLimiterService);

  it('says what a policy would have decided, and counts what was asked for', async () => {
    const service = await boot();
    expect(await service.consume(trial, 'ada')).toMatchObject({ allowed: true, shadow: 'admitted' });
    expect(await service.peek(trial, 'ada')).toMatchObject({ allowed: true, shadow: 'refused' });
    const decision = await service.consume(trial, 'ada');
    expect(decision).toMatchObject({ allowed: true, shadow: 'refused', retryAfterMs: 3_600_000 });
    expect('shadow' in (await service.consume(day, 'ada'))).toBe(false);
    // A question is no request.
    expect(service.shadowReport()).toEqual([{ policy: 'trial', evaluated: 2, refused: 1 }]);
  });

  it('answers for what is enforced where several are asked', async () => {
    const service = await boot();
    const requests = [
      { policy: trial, key: 'ada' },
      { policy: day, key: 'ada' },
      { policy: trial, key: 'ada', cost: 0 },
    ];
    await service.consumeAll(requests);
    const { allowed, tightest, decisions } = await service.consumeAll(requests);

    expect([allowed, tightest.policy]).toEqual([true, 'day']);
    expect(decisions.map(({ policy, shadow }) => [policy, shadow])).toEqual([
      ['trial', 'refused'],
      ['day', undefined],
      ['trial', 'refused'],
    ]);
    const alone = await service.consumeAll([{ policy: trial, key: 'ada' }]);
    expect(alone).toMatchObject({ allowed: true, tightest: { policy: 'trial', shadow: 'refused' } });
  });

  it('neither waits nor throws', async () => {
    const service = await boot();
    const tasks: number[] = [];
    for (let i = 0; i < 3; i++) {
      expect(await service.run(line, 'ada', ({ shadow }) => shadow)).toBe(i < 2 ? 'admitted' : 'refused');
      await service.schedule(line, 'grace', () => tasks.push(i));
    }
    for (const shadow of ['admitted', 'admitted', 'refused'] as const) {
      expect(await service.acquire(trial, 'ada', { maxWaitMs: 3_600_000 })).toMatchObject({ shadow });
    }
    expect(tasks).toEqual([0, 1, 2]);
    expect(service.progress(line, 'grace')).toMatchObject({ waiting: 0 });
  });

  it('picks as ever, for what selects is no limit', async () => {
    const service = await boot();
    const requests = [{ policy: trial, key: 'ada' }];
    expect(await service.consumeAny(requests)).toMatchObject({ allowed: true, picked: 0 });
    const refused = await service.consumeAny(requests);
    expect(refused).toMatchObject({ allowed: false, decision: { allowed: false } });
    expect('shadow' in refused.decision).toBe(false);
    await expect(service.acquireAny(requests, { maxWaitMs: 0 })).rejects.toThrow("limit 'trial' exceeded");
    expect(service.shadowReport()).toEqual([]);
  });
});

describe('the channel nestjs-floodgate:shadow', () => {
  const messages: unknown[] = [];
  const listen = (message: unknown) => messages.push(message);

  afterEach(() => {
    unsubscribe('nestjs-floodgate:shadow', listen);
  });

  it('publishes each decision of shadow mode, as long as somebody listens', async () => {
    const { app, statuses } = await bootApp({ controllers: [catsWith(RateLimit(trial), RateLimit(day))] });
    await statuses(1, '/cats');
    subscribe('nestjs-floodgate:shadow', listen);
    await statuses(1, '/cats');
    await app.get(RateLimiterService).consume(trial, 'ada');

    const decisions = messages.map((message) => (message as ShadowMessage).decision);
    expect(decisions.map(({ policy, key, shadow }) => [policy, key, shadow])).toEqual([
      ['trial', 'all', 'refused'],
      ['trial', 'ada', 'admitted'],
    ]);
  });
});

describe('the boot log', () => {
  it('says which policies are in shadow mode', async () => {
    const said = listenToWarnings();
    const Cats = catsWith(RateLimit(trial), RateLimit(day), TokenBucket({ ...one, shadow: true }));
    await bootApp({ controllers: [Cats], rateLimit: { policies: [shown, trial] } });

    expect(said()).toEqual([
      "In shadow mode, evaluated and recorded but never enforced: 'shown', 'trial', 'Cats.find'.",
    ]);
    jest.restoreAllMocks();
  });
});
