import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { WebSocketAdapter } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { RateLimiterService } from 'nestjs-floodgate';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';
import { bootApp, closeApps, type TestApp } from '../../../test/support/app.js';
import { eventually } from '../../../test/support/eventually.js';
import { ManualClock } from '../../../test/support/manual-clock.js';
import { AppModule, type Library } from '../src/app.module.js';

const SECOND = 1_000_000;

/** A connection, with all that the server has sent on it, and why it was closed. */
interface Connection {
  readonly received: { event: string; data: unknown }[];
  closed: unknown;
  say(text: string): void;
  leave(): void;
}

let app: TestApp;
let clock: ManualClock;
const open = new Set<Connection>();

afterEach(async () => {
  for (const connection of open) connection.leave();
  open.clear();
  await closeApps();
});

async function connectSocketIo(): Promise<Connection> {
  const socket = io(app.url, { transports: ['websocket'], forceNew: true, reconnection: false });
  const connection: Connection = {
    received: [],
    closed: undefined,
    say: (text) => socket.emit('say', text),
    leave: () => socket.disconnect(),
  };
  socket.onAny((event, data) => connection.received.push({ event, data }));
  socket.once('disconnect', (reason) => {
    connection.closed = reason;
  });
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('connect_error', reject));
  return connection;
}

async function connectWs(): Promise<Connection> {
  const socket = new WebSocket(app.url.replace('http', 'ws'));
  const connection: Connection = {
    received: [],
    closed: undefined,
    say: (data) => socket.send(JSON.stringify({ event: 'say', data })),
    leave: () => socket.terminate(),
  };
  socket.on('message', (data) => connection.received.push(JSON.parse(String(data))));
  socket.once('close', (code, reason) => {
    connection.closed = `${code} ${reason}`;
  });
  await once(socket, 'open');
  return connection;
}

/** What each library is, and what a refused client of it is told. */
const libraries: Record<
  Library,
  {
    adapter: (app: TestApp['app']) => WebSocketAdapter;
    connect: () => Promise<Connection>;
    refused: { received: object[]; closed: string };
  }
> = {
  'socket.io': {
    adapter: (app) => new IoAdapter(app),
    connect: connectSocketIo,
    refused: {
      received: [{ event: 'refused', data: { reason: 'too many connections; retry after 6000 ms' } }],
      closed: 'io server disconnect',
    },
  },
  ws: {
    adapter: (app) => new WsAdapter(app),
    connect: connectWs,
    refused: { received: [], closed: '1013 too many connections; retry after 6000 ms' },
  },
};

describe.each(Object.keys(libraries) as Library[])('on %s', (library) => {
  const { adapter, refused } = libraries[library];
  const connect = async () => {
    const connection = await libraries[library].connect();
    open.add(connection);
    return connection;
  };
  /** The answers to messages that are sent one after another. */
  const say = async (connection: Connection, times: number) => {
    connection.received.length = 0;
    for (let i = 1; i <= times; i++) connection.say(`message ${i}`);
    await eventually(() => connection.received.length === times, 'all messages are answered');
    return connection.received;
  };

  beforeEach(async () => {
    clock = new ManualClock(1);
    app = await bootApp({
      rateLimit: false,
      imports: [AppModule.with(library)],
      clock,
      prepare: (app) => app.useWebSocketAdapter(adapter(app)),
    });
  });

  it('an address may send 5 messages at once, then one per second, over all its connections', async () => {
    const [one, other] = [await connect(), await connect()];
    expect(await say(one, 5)).toEqual(
      [4, 3, 2, 1, 0].map((messagesLeft, i) => ({
        event: 'said',
        data: { text: `message ${i + 1}`, messagesLeft },
      })),
    );
    const decision = { policy: 'messages', key: '127.0.0.1', retryAfterMs: 1000 };
    const refusal = { event: 'exception', data: { code: 'RATE_LIMITED', decision } };
    expect(await say(other, 1)).toMatchObject([refusal]);
    clock.now += SECOND;
    const events = (await say(other, 2)).map(({ event }) => event);
    // A refusal needs no handler, so it may overtake an answer.
    expect(events.sort()).toEqual(['exception', 'said']);
    expect(other.closed).toBeUndefined();
  });

  it('an address may open 10 connections at once; the next is closed, and says why', async () => {
    const first = await connect();
    for (let i = 1; i < 10; i++) await connect();
    const next = await connect();
    await eventually(() => next.closed !== undefined, 'it is closed');
    expect({ received: next.received, closed: next.closed }).toEqual(refused);
    expect(await say(first, 1)).toMatchObject([{ event: 'said' }]);

    const service = app.app.get(RateLimiterService);
    expect(await service.peek('connections', '127.0.0.1')).toMatchObject({ allowed: false });
    expect(await service.peek('connections', '127.0.0.2')).toMatchObject({ remaining: 9 });

    clock.now += 6 * SECOND;
    const later = await connect();
    expect(await say(later, 1)).toMatchObject([{ event: 'said' }]);
  });
});
