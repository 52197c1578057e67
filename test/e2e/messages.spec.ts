// What only gateways and microservices have: acknowledgements, events, two kinds of handlers in one application.
import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { EventPattern, MessagePattern, type MicroserviceOptions, Transport } from '@nestjs/microservices';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  byGlobal,
  leakyBucket,
  RateLimit,
  RateLimitExceededError,
  RateLimiterService,
  TokenBucket,
  tokenBucket,
} from '../../lib/index.js';
import { Turns } from '../../lib/limiter/waiting/turns.js';
import { bootApp, closeApps } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { ManualClock } from '../support/manual-clock.js';
import { freePort } from '../support/redis/server.js';
import { connectRpc } from '../support/transports/microservices.js';
import { connectIo, type IoClient } from '../support/transports/sockets.js';
import type { Client } from '../support/transports/transport.js';

const once = tokenBucket({ name: 'once', capacity: 1, rate: '1/h', key: byGlobal() });
const line = leakyBucket({ name: 'line', capacity: 9, rate: '1/h', key: byGlobal() });
const clock = new ManualClock(1);
const clients: Client[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.leave();
  await closeApps();
});

describe('on socket.io', () => {
  @WebSocketGateway()
  class Gateway {
    @SubscribeMessage('first')
    @TokenBucket({ name: 'once', capacity: 1, rate: '1/h', key: byGlobal() })
    first() {
      return '{}';
    }
  }

  const start = async (): Promise<IoClient> => {
    const { url } = await bootApp({
      providers: [Gateway],
      clock,
      prepare: (app) => app.useWebSocketAdapter(new IoAdapter(app)),
    });
    const client = await connectIo(url);
    clients.push(client);
    return client;
  };

  it('a refusal answers the acknowledgement, and then is the event that clients of NestJS know', async () => {
    const { socket, call } = await start();
    await call('first');
    const told: [string, unknown][] = [];
    const both = new Promise<void>((resolve) => {
      socket.emit('first', {}, (reply: unknown) => told.push(['acknowledgement', reply]));
      socket.once('exception', (exception: unknown) => resolve(void told.push(['exception', exception])));
    });
    await both;

    const problem = { status: 'error', code: 'RATE_LIMITED', decision: { policy: 'once', allowed: false } };
    expect(told).toMatchObject([
      ['acknowledgement', problem],
      ['exception', problem],
    ]);
  });

  it('a refusal of a message that asks for no acknowledgement is the event alone', async () => {
    const { socket, call } = await start();
    await call('first');
    const exception = new Promise((resolve) => socket.once('exception', resolve));
    socket.emit('first', 'a text');

    expect(await exception).toMatchObject({ code: 'RATE_LIMITED' });
  });
});

describe('an application that serves HTTP and messages', () => {
  const runs: string[] = [];

  @Controller()
  class Hybrid {
    @Get('first')
    @MessagePattern('first')
    @RateLimit(once)
    first() {
      runs.push('first');
      return '{}';
    }

    @MessagePattern('second')
    @RateLimit(line)
    second() {
      runs.push('second');
      return '{}';
    }

    @EventPattern('happened')
    @RateLimit(once)
    happened(_data: unknown) {
      runs.push('happened');
    }
  }

  const start = async () => {
    runs.length = 0;
    const where = {
      transport: Transport.TCP,
      options: { host: '127.0.0.1', port: await freePort() },
    } as const;
    const booted = await bootApp({
      controllers: [Hybrid],
      clock,
      prepare: (app) => app.connectMicroservice<MicroserviceOptions>(where),
    });
    await booted.app.startAllMicroservices();
    const client = await connectRpc(where);
    clients.push(client);
    return { ...booted, client };
  };

  it('counts both together where one handler serves both', async () => {
    const { client, statuses } = await start();

    expect(await statuses(1, '/first')).toEqual([200]);
    expect((await client.call('first')).error).toMatchObject({ code: 'RATE_LIMITED' });
    expect(await statuses(1, '/first')).toEqual([429]);
  });

  it('tells those who wait for their turn that it is shutting down', async () => {
    const { app, client } = await start();
    await client.call('second');
    const waiting = client.call('second');
    await eventually(() => app.get(Turns).waiting === 1, 'it waits');
    await app.close();

    expect((await waiting).error).toMatchObject({ status: 'error', code: 'SHUTTING_DOWN' });
    expect(runs).toEqual(['second']);
  });

  it('drops an event that is refused: nobody waits for an answer', async () => {
    const { app, client } = await start();
    client.emit('happened');
    client.emit('happened');
    await client.call('second');
    await eventually(() => runs.includes('happened'), 'the first is handled');

    expect(runs.filter((run) => run === 'happened')).toHaveLength(1);
    expect((await app.get(RateLimiterService).peek('once', 'all')).allowed).toBe(false);
  });
});

describe('a kind of handlers of another library', () => {
  it('is refused with the error itself, which has all decisions', async () => {
    @Controller()
    class Jobs {
      @Get()
      @RateLimit(once)
      run() {}
    }
    const { app } = await bootApp({ controllers: [Jobs], clock });
    const { RateLimitEngine } = await import('../../lib/guard/engine.js');
    const engine = app.get(RateLimitEngine);
    const context = (args: unknown[]) =>
      ({
        getType: () => 'jobs',
        getClass: () => Jobs,
        getHandler: () => Jobs.prototype.run,
        getArgs: () => args,
      }) as never;

    const first = context([{}]);
    expect(engine.decide(first, 'guard')).toMatchObject({ told: [{ decision: { allowed: true } }] });
    expect(engine.decide(first, 'guard')).toBeDefined();
    expect(() => engine.decide(context([{}]), 'guard')).toThrow(RateLimitExceededError);
  });
});
