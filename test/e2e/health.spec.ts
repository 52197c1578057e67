// The health of the rate limits, as Terminus tells it: 12, and on the older lines of NestJS 11 and 10.
import { afterEach, expect, it, jest } from '@jest/globals';
import { Controller, Get, Inject, type Type } from '@nestjs/common';
import { RateLimiterService, RateLimitHealthIndicator, StoreHealth, tokenBucket } from '../../lib/index.js';
import { MemoryStore } from '../../lib/stores/memory/memory.store.js';
import { bootApp, closeApps } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { ManualClock } from '../support/manual-clock.js';

interface Terminus {
  TerminusModule: Type & { forRoot(options: object): never };
  HealthCheckService: Type<{ check(of: (() => Promise<object>)[]): Promise<object> }>;
}

// By a name that the compiler does not follow: the types of three versions are not one.
const { HealthCheckService, TerminusModule } = (await import(String('@nestjs/terminus'))) as Terminus;

const chat = tokenBucket({ name: 'chat', capacity: 3, rate: '1/h' });

@Controller('health')
class HealthController {
  constructor(
    @Inject(HealthCheckService) private readonly health: InstanceType<Terminus['HealthCheckService']>,
    @Inject(RateLimitHealthIndicator) private readonly rateLimits: RateLimitHealthIndicator,
  ) {}

  @Get()
  check() {
    return this.health.check([() => this.rateLimits.isHealthy('rate limits')]);
  }

  @Get('strict')
  checkStrictly() {
    return this.health.check([() => this.rateLimits.isHealthy('rate limits', { strict: true })]);
  }
}

afterEach(async () => {
  jest.restoreAllMocks();
  await closeApps();
});

async function boot() {
  const store = new MemoryStore({ maxKeys: 10, clock: new ManualClock(1).read });
  const imports = [TerminusModule.forRoot({ logger: false })];
  const { app, request } = await bootApp({ controllers: [HealthController], imports, rateLimit: { store } });
  return {
    /** Its decisions fail from now on, and the probes too. */
    async fail() {
      for (const method of ['decide', 'inspect'] as const) {
        jest.spyOn(store, method).mockImplementation(() => {
          throw new Error('the store is gone');
        });
      }
      await app.get(RateLimiterService).consume(chat, 'ada');
    },
    async recover() {
      jest.restoreAllMocks();
      await eventually(() => app.get(StoreHealth).state === 'closed', 'the store decides again');
    },
    async ask(path: string) {
      const response = await request(path);
      return [response.status, ((await response.json()) as { details: object }).details];
    },
  };
}

const deciding = { 'rate limits': { status: 'up', store: 'deciding' } };
const fallback = (status: string) => ({
  'rate limits': {
    status,
    store: 'fallback',
    nodes: [{ node: '', reason: 'the store is gone', since: expect.stringMatching(/^20\d\d-.*Z$/) }],
  },
});

it('an application whose store decides is up', async () => {
  const { ask } = await boot();
  expect(await ask('/health')).toEqual([200, deciding]);
  expect(await ask('/health/strict')).toEqual([200, deciding]);
});

it('one that decides without its store is up too, and says why; where that is too little, it is down', async () => {
  const { ask, fail, recover } = await boot();
  await fail();
  expect(await ask('/health')).toEqual([200, fallback('up')]);
  expect(await ask('/health/strict')).toEqual([503, fallback('down')]);
  await recover();
  expect(await ask('/health/strict')).toEqual([200, deciding]);
});
