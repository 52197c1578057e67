// The option `refusal` where there is no HTTP response: what the error of a transport says, and which error it is.
import { afterEach, describe, expect, it } from '@jest/globals';
import { HttpException } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { GraphQLError } from 'graphql';
import { byGlobal, type Refusal, type RefusalOptions, TokenBucket } from '../../lib/index.js';
import { MemoryStore } from '../../lib/stores/memory/memory.store.js';
import { bootApp, closeApps } from '../support/app.js';
import { LateStore } from '../support/late-store.js';
import { ManualClock } from '../support/manual-clock.js';
import { apollo, mercurius } from '../support/transports/graphql.js';
import { tcp } from '../support/transports/microservices.js';
import { connectIo, socketIo, ws } from '../support/transports/sockets.js';
import { bootTransport, type Client, closeTransports } from '../support/transports/transport.js';

const clients: Client[] = [];
const once = TokenBucket({ name: 'once', capacity: 1, rate: '1/90s', key: byGlobal() });
const later = ({ context, decision, decisions, retryAfterMs }: Refusal) =>
  [context.getType(), decision.policy, decisions.length, retryAfterMs].join();

afterEach(async () => {
  for (const client of clients.splice(0)) client.leave();
  await closeTransports();
  await closeApps();
});

const busy = (error: Error) => ({ exceptionFactory: () => error });
const content = { status: 'error', busy: true };
const graphqlBusy = busy(new GraphQLError('busy', { extensions: { code: 'BUSY' } }));
const rows = [
  ['graphql', apollo, graphqlBusy, { message: 'busy', extensions: { code: 'BUSY' } }],
  ['graphql', mercurius, graphqlBusy, { message: 'busy', extensions: { code: 'BUSY' } }],
  ['ws', socketIo, busy(new WsException(content)), content],
  ['ws', ws, busy(new WsException(content)), content],
  ['rpc', tcp, busy(new RpcException(content)), content],
] as const;

describe.each(rows.map((row) => [row[1].name, ...row] as const))(
  'on %s',
  (_, kind, adapter, own, expected) => {
    const refusedWith = async (refusal: RefusalOptions) => {
      const { connect, started } = await bootTransport(
        adapter,
        { first: [once] },
        { refusal },
        new ManualClock(1),
      );
      const client = await connect();
      await client.call('first');
      const { error } = await client.call('first');
      return { error, started };
    };

    it.each<[string, RefusalOptions, string]>([
      ['a text', { message: 'Slow down.' }, 'Slow down.'],
      ['a function', { message: later }, `${kind},once,1,90000`],
    ])('the error says it: %s', async (_, refusal, message) => {
      const { error } = await refusedWith(refusal);

      expect(error).toMatchObject({ message });
      expect(JSON.stringify(error)).toMatch(/"RATE_LIMITED".*"policy":"once"/);
    });

    it('an exception of your own replaces ours', async () => {
      const { error, started } = await refusedWith(own);

      expect(error).toMatchObject(expected);
      expect(JSON.stringify(error)).not.toContain('RATE_LIMITED');
      expect(started).toEqual(['first']);
    });

    it('a limit that nobody can check, and that denies then, says so', async () => {
      const failing = new LateStore(new MemoryStore({ maxKeys: 1 }));
      failing.failure = new Error('gone');
      const options = { store: failing.asStore, onStoreError: 'deny' } as const;
      const { connect, started } = await bootTransport(adapter, { first: [once] }, options);
      const { error } = await (await connect()).call('first');

      expect(JSON.stringify(error)).toMatch(/"STORE_UNAVAILABLE".*"policy":"once".*"source":"deny"/);
      expect(started).toEqual([]);
    });

    it('a function that answers a promise lets nothing pass', async () => {
      const { error, started } = await refusedWith({ message: (() => Promise.resolve('no')) as never });

      expect(error).toBeDefined();
      expect(started).toEqual(['first']);
    });
  },
);

@WebSocketGateway()
class Gateway {
  @SubscribeMessage('first')
  @once
  first() {
    return '{}';
  }
}

describe('an acknowledgement is given for an exception of your own', () => {
  it.each([
    [
      'WsException of an object',
      new WsException({ status: 'error', busy: true }),
      { status: 'error', busy: true },
    ],
    ['WsException of a text', new WsException('busy'), { status: 'error', message: 'busy' }],
    [
      'an error that clients know nothing of',
      new HttpException('secret', 503),
      { status: 'error', message: 'Internal server error' },
    ],
  ])('%s', async (_, error, expected) => {
    expect(await acknowledgedWith({ exceptionFactory: () => error })).toEqual(expected);
  });

  it.each<[string, RefusalOptions]>([
    [
      'a function that throws',
      {
        exceptionFactory: () => {
          throw new Error('secret');
        },
      },
    ],
    ['a message that is none', { message: () => 5 as never }],
  ])('and for what fails in making it: %s', async (_, refusal) => {
    expect(await acknowledgedWith(refusal)).toEqual({ status: 'error', message: 'Internal server error' });
  });

  async function acknowledgedWith(refusal: RefusalOptions): Promise<unknown> {
    const { url } = await bootApp({
      providers: [Gateway],
      rateLimit: { refusal },
      prepare: (app) => app.useWebSocketAdapter(new IoAdapter(app)),
    });
    const client = await connectIo(url);
    clients.push(client);
    await client.call('first');

    return client.socket.timeout(5000).emitWithAck('first', {});
  }
});
