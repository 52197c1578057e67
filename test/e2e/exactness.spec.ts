import { afterEach, describe, expect, it } from '@jest/globals';
import { TokenBucket, type TokenBucketOptions } from '../../lib/index.js';
import { adapters, bootApp, closeApps } from '../support/app.js';
import { ManualClock } from '../support/manual-clock.js';
import { catsWith, remaining } from '../support/routes.js';

afterEach(closeApps);

describe.each(adapters)('a token bucket on %s', (adapter) => {
  const boot = async (options: TokenBucketOptions) => {
    const clock = new ManualClock(1);
    const app = await bootApp({ controllers: [catsWith(TokenBucket(options))], adapter, clock });
    const retryAfterMs = async () => {
      const body = (await (await app.request('/cats')).json()) as { 'retry-after-ms': number };
      return body['retry-after-ms'];
    };
    return { ...app, clock, retryAfterMs };
  };

  it('admits a burst of the capacity, then refuses until a token is back', async () => {
    const { clock, statuses } = await boot({ capacity: 2, rate: 1 });

    expect(await statuses(3, '/cats')).toEqual([200, 200, 429]);
    clock.now += 1_000_000;
    expect(await statuses(2, '/cats')).toEqual([200, 429]);
  });

  it('shows 9 left after the first hit of 10', async () => {
    const { request } = await boot({ capacity: 10, rate: 10 });

    expect(remaining(await request('/cats'))).toEqual({ 'Cats.find': 9 });
    expect(remaining(await request('/cats'))).toEqual({ 'Cats.find': 8 });
  });

  it('does not count what it refuses, so a client that keeps retrying is admitted in time', async () => {
    const { clock, statuses } = await boot({ capacity: 2, rate: 1 });
    await statuses(2, '/cats');

    for (let retry = 1; retry <= 19; retry++) {
      clock.now += 50_000;
      expect(await statuses(1, '/cats')).toEqual([429]);
    }
    clock.now += 50_000;
    expect(await statuses(2, '/cats')).toEqual([200, 429]);
  });

  it('has no window edge: a burst just before one and a burst just after it are one burst', async () => {
    const { clock, statuses } = await boot({ capacity: 10, rate: 10 });
    clock.now = 950_000;
    const before = await statuses(20, '/cats');
    clock.now = 1_050_000;
    const after = await statuses(20, '/cats');

    expect([before, after].map((found) => found.filter((status) => status === 200).length)).toEqual([10, 1]);
  });

  it('never admits more than capacity + rate × window, in any window', async () => {
    const { clock, request } = await boot({ capacity: 5, rate: 20 });
    const admitted: number[] = [];
    for (let i = 0; i < 200; i++) {
      // Irregular steps of 0 to 36 ms, with a pause now and then in which the bucket fills.
      clock.now += i % 41 === 40 ? 400_000 : (i * i * 7919) % 37_000;
      if ((await request('/cats')).status === 200) admitted.push(clock.now);
    }

    for (const [i, from] of admitted.entries()) {
      for (const [j, to] of admitted.entries()) {
        if (j >= i) expect((j - i + 1 - 5) * 1_000_000).toBeLessThanOrEqual(20 * (to - from));
      }
    }
    // Never less either: whoever always asks gets the whole rate.
    expect(admitted.length).toBeGreaterThan(50);
  });

  it.each([3, 0.3, '7/min', '1/250ms', '999/h'])(
    'admits a client that waits exactly as told, and not a millisecond earlier, at %p',
    async (rate) => {
      const { clock, statuses, retryAfterMs } = await boot({ capacity: 2, rate });
      await statuses(2, '/cats');
      clock.now += 12_345;
      const told = await retryAfterMs();

      clock.now += (told - 1) * 1000;
      expect(await statuses(1, '/cats')).toEqual([429]);
      expect(await retryAfterMs()).toBe(1);
      clock.now += 1000;
      expect(await statuses(2, '/cats')).toEqual([200, 429]);
    },
  );

  it.each([
    ['1/250ms', 250],
    [0.1, 10_000],
    [2.5, 400],
    ['30/10s', 334],
    ['0.5/s', 2000],
    ['100/min', 600],
    ['7/day', 12_342_858],
  ] as const)('refills one token at %p in %d ms', async (rate, interval) => {
    const { clock, statuses, retryAfterMs } = await boot({ capacity: 1, rate });

    expect(await statuses(2, '/cats')).toEqual([200, 429]);
    expect(await retryAfterMs()).toBe(interval);
    clock.now += interval * 1000;
    expect(await statuses(2, '/cats')).toEqual([200, 429]);
  });
});
