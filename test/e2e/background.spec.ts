import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Controller, HttpCode, Inject, Logger, Post } from '@nestjs/common';
import { leakyBucket, RateLimitExceededError, RateLimiterService } from '../../lib/index.js';
import { bootApp, closeApps } from '../support/app.js';
import { eventually } from '../support/eventually.js';

const mail = leakyBucket({ name: 'mail', capacity: 5, rate: 50 });
const starts: number[] = [];

@Controller('mail')
class MailController {
  constructor(@Inject(RateLimiterService) private readonly limiter: RateLimiterService) {}

  @Post()
  @HttpCode(202)
  async send() {
    const { delayMs } = await this.limiter.schedule(mail, 'all', () => starts.push(performance.now()));
    return { sentInMs: delayMs };
  }
}

afterEach(async () => {
  jest.restoreAllMocks();
  await closeApps();
  starts.length = 0;
});

const boot = async (drainMs = 5000) => {
  const running = await bootApp({ controllers: [MailController], rateLimit: { drainMs } });
  return { ...running, limiter: running.app.get(RateLimiterService) };
};

describe('work that is scheduled', () => {
  it('is answered at once and done at a constant rate', async () => {
    const { request } = await boot();
    const began = performance.now();
    const answers = await Promise.all(Array.from({ length: 4 }, () => request('/mail', { method: 'POST' })));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202]);
    await eventually(() => starts.length === 4, 'all is done');
    // The first may start late, the last not before its time.
    expect(starts[3]! - began).toBeGreaterThanOrEqual(60);
  });

  it('tells what waits and runs, and when the next starts', async () => {
    jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const { limiter } = await boot(0);
    const slow = leakyBucket({ name: 'slow', capacity: 3, rate: '1/h' });
    let end = () => {};
    const task = () => new Promise<void>((resolve) => (end = resolve));
    for (let i = 0; i < 3; i++) await limiter.schedule(slow, 'all', task);
    expect(limiter.progress('slow', 'other')).toEqual({ waiting: 0, running: 0, nextStartMs: null });
    await eventually(() => limiter.progress('slow', 'all').running === 1, 'the first runs');
    const { waiting, nextStartMs } = limiter.progress(slow, 'all');
    expect(waiting).toBe(2);
    expect(nextStartMs).toBeGreaterThan(0);
    expect(nextStartMs).toBeLessThanOrEqual(3_600_000);
    end();
    await eventually(() => limiter.progress(slow, 'all').running === 0, 'it has ended');
    expect(limiter.progress(slow, 'all').waiting).toBe(2);
  });

  it('tells when all of it runs, and when it has ended', async () => {
    const { limiter } = await boot();
    const ends: (() => void)[] = [];
    const task = () => new Promise<void>((resolve) => ends.push(resolve));
    for (let i = 0; i < 3; i++) await limiter.schedule(mail, 'all', task);
    await eventually(() => ends.length === 3, 'all run');
    expect(limiter.progress(mail, 'all')).toEqual({ waiting: 0, running: 3, nextStartMs: null });
    for (const end of ends) end();
    await eventually(() => limiter.progress(mail, 'all').running === 0, 'all have ended');
  });

  it('is bounded: what finds no place is refused at once', async () => {
    jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const { limiter } = await boot(0);
    const slow = leakyBucket({ name: 'slow', capacity: 2, rate: '1/h' });
    const never = leakyBucket({ name: 'never', capacity: 100, rate: '1/h' });
    await limiter.schedule(slow, 'all', () => undefined);
    await limiter.schedule(slow, 'all', () => undefined);
    await expect(limiter.schedule(slow, 'all', () => undefined)).rejects.toBeInstanceOf(
      RateLimitExceededError,
    );
    await limiter.schedule(never, 'all', () => undefined);
    await expect(limiter.schedule(never, 'all', () => undefined, { maxWaitMs: 1000 })).rejects.toMatchObject({
      decision: { policy: 'never', allowed: false },
    });
  });

  it('that fails is reported, by default to the log, and keeps nothing else from running', async () => {
    const log = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const { limiter } = await boot();
    const failures: unknown[] = [];
    const fail = () => {
      throw new Error('no such mailbox');
    };
    await limiter.schedule(mail, 'all', fail, { onError: (error) => failures.push(error) });
    await limiter.schedule(mail, 'all', fail);
    await limiter.schedule(mail, 'all', () => starts.push(1));
    await eventually(() => starts.length === 1, 'the last has run');
    expect(failures).toEqual([new Error('no such mailbox')]);
    expect(log).toHaveBeenCalledWith(expect.stringContaining('no such mailbox'));
  });

  it('is finished before the application has closed', async () => {
    const { app, limiter } = await boot();
    for (let i = 0; i < 4; i++) await limiter.schedule(mail, 'all', () => starts.push(performance.now()));
    await app.close();
    expect(starts).toHaveLength(4);
  });

  it('that a shutdown has no time for is reported as such', async () => {
    const { app, limiter } = await boot(10);
    const failures: unknown[] = [];
    const slow = leakyBucket({ name: 'slow', capacity: 2, rate: '1/h' });
    await limiter.schedule(slow, 'all', () => starts.push(1));
    await limiter.schedule(slow, 'all', () => starts.push(2), { onError: (error) => failures.push(error) });
    await app.close();
    expect(starts).toEqual([1]);
    expect(failures).toMatchObject([{ code: 'SHUTTING_DOWN' }]);
  });
});
