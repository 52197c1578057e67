import { connect as connectHttp2 } from 'node:http2';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  byGlobal,
  LeakyBucket,
  leakyBucket,
  RateLimiterService,
  RateLimitModule,
  tokenBucket,
} from '../../lib/index.js';
import { Turns } from '../../lib/limiter/waiting/turns.js';
import { adapters, bootApp, closeApps, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { ManualClock } from '../support/manual-clock.js';

const line = leakyBucket({ name: 'line', capacity: 1000, rate: '1/h', key: byGlobal() });
const started: string[] = [];

@Controller('line')
class LineController {
  @Get()
  @LeakyBucket({ name: 'line', capacity: 1000, rate: '1/h', key: byGlobal() })
  find() {
    started.push('line');
    return [];
  }
}

afterEach(async () => {
  await closeApps();
  started.length = 0;
});

/** The clock stands still: what is in the line does not drain, so places can be counted. */
const boot = (adapter: (typeof adapters)[number]) =>
  bootApp({
    controllers: [LineController],
    adapter,
    clock: new ManualClock(1),
    rateLimit: { policies: [line] },
  });

const waiting = ({ app }: Pick<TestApp, 'app'>) => app.get(Turns).waiting;
const placesTaken = async ({ app }: Pick<TestApp, 'app'>) =>
  1000 - (await app.get(RateLimiterService).peek('line', 'all', { cost: 0 })).remaining;

describe.each(adapters)('a request that waits on %s', (adapter) => {
  it('ends when its client disconnects: the handler does not run, and the place is free again', async () => {
    const running = await boot(adapter);
    await (await running.request('/line')).text();
    const client = new AbortController();
    const gone = running.request('/line', { signal: client.signal });
    await eventually(() => waiting(running) === 1, 'the request waits');
    expect(await placesTaken(running)).toBe(2);
    client.abort();
    await expect(gone).rejects.toThrow();
    await eventually(() => waiting(running) === 0, 'the wait has ended');
    await eventually(async () => (await placesTaken(running)) === 1, 'the place is free');
    expect(started).toEqual(['line']);
  });

  it('keeps its place when one before it leaves; when both have left, both places are free', async () => {
    const running = await boot(adapter);
    await (await running.request('/line')).text();
    const clients = [new AbortController(), new AbortController()];
    const requests: Promise<unknown>[] = [];
    for (const [i, { signal }] of clients.entries()) {
      requests.push(running.request('/line', { signal }).catch(() => undefined));
      await eventually(() => waiting(running) === i + 1, `${i + 1} wait`);
    }
    clients[0]!.abort();
    await eventually(() => waiting(running) === 1, 'the first has left');
    expect(await placesTaken(running)).toBe(3);
    clients[1]!.abort();
    await eventually(async () => (await placesTaken(running)) === 1, 'both places are free');
    await Promise.all(requests);
    expect(started).toEqual(['line']);
  });

  it('ends with 503 when the application is closed', async () => {
    const running = await boot(adapter);
    await (await running.request('/line')).text();
    const answers = Array.from({ length: 5 }, () => running.request('/line'));
    await eventually(() => waiting(running) === 5, 'all wait');
    await running.app.close();
    for (const answer of await Promise.all(answers)) {
      expect(answer.status).toBe(503);
      expect(await answer.json()).toMatchObject({ statusCode: 503, code: 'SHUTTING_DOWN' });
    }
    expect(started).toEqual(['line']);
  });
});

describe('over HTTP/2', () => {
  @Module({ imports: [RateLimitModule.forRoot({ policies: [line] })], controllers: [LineController] })
  class Http2Module {}

  it('a stream that is closed ends its wait', async () => {
    const adapter = new FastifyAdapter({ http2: true } as never);
    const app = await NestFactory.create(Http2Module, adapter, { logger: false });
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as { port: number };
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    const first = session.request({ ':path': '/line' });
    first.resume();
    await new Promise((resolve) => first.on('end', resolve));
    const second = session.request({ ':path': '/line' });
    second.on('error', () => undefined);
    await eventually(() => waiting({ app }) === 1, 'the stream waits');
    second.close();
    await eventually(() => waiting({ app }) === 0, 'the wait has ended');
    expect(started).toEqual(['line']);
    session.destroy();
    await app.close();
  });
});

describe('closing the application', () => {
  it('ends a thousand waiters at once, with the coded error', async () => {
    const { app } = await boot('express');
    const limiter = app.get(RateLimiterService);
    const tokens = tokenBucket({ name: 'tokens', capacity: 1000, rate: '1/h' });
    await limiter.consume(tokens, 'ada', { cost: 1000 });
    const ends = Array.from({ length: 1000 }, () =>
      limiter.acquire(tokens, 'ada').then(
        () => 'started',
        (error: { code: string }) => error.code,
      ),
    );
    await eventually(() => waiting({ app }) === 1000, 'all wait');
    const began = performance.now();
    const cpu = process.cpuUsage();
    const closing = app.close();
    expect(new Set(await Promise.all(ends))).toEqual(new Set(['SHUTTING_DOWN']));
    const { user, system } = process.cpuUsage(cpu);
    const spentMs = (user + system) / 1000;
    console.log(
      `a thousand waiters ended in ${(performance.now() - began).toFixed(0)} ms, with ${spentMs.toFixed(0)} ms of CPU`,
    );
    // Some tens on a machine with nothing else to do; were each end to look at all who wait, it would be thousands.
    expect(spentMs).toBeLessThan(500);
    await closing;
  });
});
