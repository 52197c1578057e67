import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestMicroservice } from '@nestjs/common';
import {
  type ClientOptions,
  type ClientProxy,
  ClientProxyFactory,
  type MicroserviceOptions,
  Transport,
} from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { RateLimiterService } from 'nestjs-floodgate';
import { firstValueFrom } from 'rxjs';
import { RATE_LIMIT_CLOCK } from '../../../lib/wiring/tokens.js';
import { eventually } from '../../../test/support/eventually.js';
import { ManualClock } from '../../../test/support/manual-clock.js';
import { freePort, type RedisServer, startRedis } from '../../../test/support/redis/server.js';
import { MailProvider } from '../src/mail-provider.js';
import { MailerModule } from '../src/mailer.module.js';
import { Newsletter } from '../src/newsletter.js';
import { ReportJob } from '../src/report.job.js';

const MINUTE = 60_000_000;

let redis: RedisServer;
let app: INestMicroservice;
let client: ClientProxy;
let clock: ManualClock;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(async () => {
  await redis.untilLeft();
  await redis.stop();
});

const carriers: Record<string, () => Promise<MicroserviceOptions & ClientOptions>> = {
  TCP: async () => ({ transport: Transport.TCP, options: { host: '127.0.0.1', port: await freePort() } }),
  Redis: async () => ({ transport: Transport.REDIS, options: { host: redis.host, port: redis.port } }),
};

describe.each(Object.keys(carriers))('over %s', (name) => {
  beforeEach(async () => {
    clock = new ManualClock(1);
    const where = await carriers[name]!();
    const builder = Test.createTestingModule({ imports: [MailerModule] });
    const module = await builder.overrideProvider(RATE_LIMIT_CLOCK).useValue(clock.read).compile();
    app = module.createNestMicroservice<MicroserviceOptions>({ ...where, logger: false });
    await app.listen();
    client = ClientProxyFactory.create(where);
    await client.connect();
  });

  afterEach(async () => {
    await client.close();
    await app.close();
  });

  const send = (tenant: string) =>
    firstValueFrom(client.send<object>('mail', { tenant, to: `${tenant}@example.com` })).catch(
      (error: unknown) => error,
    );
  const sent = () => app.get(MailProvider).sent.map(({ to }) => to);

  it('a tenant may send 5 mails at once, and is told when it may send again', async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, () => send('acme')));
    expect(answers.filter((answer) => 'sent' in (answer as object))).toHaveLength(5);
    expect(answers).toContainEqual({
      status: 'error',
      code: 'RATE_LIMITED',
      message: "limit 'tenant' exceeded; retry after 12000 ms",
      decision: expect.objectContaining({ policy: 'tenant', key: 'acme', retryAfterMs: 12_000 }),
    });
    clock.now += MINUTE / 5;
    expect(await send('acme')).toMatchObject({ sent: 'acme@example.com' });
    expect(await send('acme')).toMatchObject({ code: 'RATE_LIMITED' });
  });

  it('mails of all tenants start a tenth of a second apart, and the refused take no place', async () => {
    const tenants = ['acme', 'umbrella', 'acme', 'acme', 'acme', 'acme', 'acme', 'acme'];
    const start = performance.now();
    const answers = (await Promise.all(tenants.map(send))) as { waitedMs?: number }[];
    const waits = answers.flatMap(({ waitedMs }) => waitedMs ?? []);
    expect(waits.sort((a, b) => a - b)).toEqual([0, 100, 200, 300, 400, 500]);
    expect(performance.now() - start).toBeGreaterThanOrEqual(500);
  });

  it('a newsletter stands in the same line', async () => {
    client.emit('newsletter', { to: ['bob@example.com', 'eve@example.com'] }).subscribe();
    await eventually(() => sent().length > 0, 'the first is sent');
    // The clock of the buckets stands still: two places are taken.
    expect(await send('acme')).toMatchObject({ waitedMs: 200 });
    expect(sent()).toEqual(['bob@example.com', 'eve@example.com', 'acme@example.com']);
  });

  it('a newsletter that finds no place any more is dropped, and that is no failure', async () => {
    await app.get(RateLimiterService).consume('provider', 'all', { cost: 100 });
    expect(await app.get(Newsletter).send(['bob@example.com', 'eve@example.com'])).toBe(0);
  });

  it('the report is sent once a minute, whoever starts the job, and in its turn', async () => {
    const job = app.get(ReportJob);
    await send('acme');
    const start = performance.now();
    expect(await Promise.all([job.run(), job.run(), job.run()])).toEqual([true, false, false]);
    // Behind the mail that has just been sent.
    expect(performance.now() - start).toBeGreaterThanOrEqual(99);
    expect(sent()).toEqual(['acme@example.com', 'owner@example.com']);
    clock.now += MINUTE;
    expect(await job.run()).toBe(true);
  });
});
