import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { type Decision, RateLimitDecision, TokenBucket } from '../../lib/index.js';
import { adapters, bootApp, closeApps } from '../support/app.js';
import { ManualClock } from '../support/manual-clock.js';

@Controller('greetings')
class GreetingsController {
  @Get()
  @TokenBucket({ name: 'greetings', capacity: 2, rate: '2/min' })
  greet(@RateLimitDecision() decision: Decision) {
    return { left: decision.remaining };
  }
}

afterEach(closeApps);

describe('the line of NestJS', () => {
  const major = (process.env.FLOODGATE_NEST || 'nest12').replace('nest', '');

  it.each(['common', 'core', 'testing', 'platform-express', 'platform-fastify'])(
    '%s is of that line',
    (name) => {
      const [modules] = import.meta.resolve(`@nestjs/${name}`).split(`@nestjs/${name}/`);
      const manifest = readFileSync(new URL(`${modules}@nestjs/${name}/package.json`), 'utf8');
      expect(JSON.parse(manifest).version.split('.')[0]).toBe(major);
    },
  );
});

describe.each(adapters)('on %s', (adapter) => {
  const boot = () => bootApp({ controllers: [GreetingsController], adapter, clock: new ManualClock(1) });

  it('tells an admitted request what is left, in its headers and to its handler', async () => {
    const { request } = await boot();
    const response = await request('/greetings');
    expect(response.status).toBe(200);
    expect(response.headers.get('ratelimit-policy')).toBe('"greetings";q=2;w=60');
    expect(response.headers.get('ratelimit')).toBe('"greetings";r=1;t=30');
    expect(await response.json()).toEqual({ left: 1 });
  });

  it('answers what is too much with 429, when to come back, and a problem document', async () => {
    const { request, statuses } = await boot();
    expect(await statuses(2, '/greetings')).toEqual([200, 200]);
    const refusal = await request('/greetings');
    expect(refusal.status).toBe(429);
    expect(refusal.headers.get('retry-after')).toBe('30');
    expect(refusal.headers.get('ratelimit')).toBe('"greetings";r=0;t=30');
    expect(refusal.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(await refusal.json()).toMatchObject({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      status: 429,
      'violated-policies': ['greetings'],
      'retry-after-ms': 30_000,
    });
  });
});
