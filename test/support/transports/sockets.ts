import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { io, type Socket } from 'socket.io-client';
import { WebSocket } from 'ws';
import { listen } from './http.js';
import {
  type Client,
  type Input,
  problemOf,
  type Reply,
  readAnswer,
  shutdownProblem,
  type TransportAdapter,
} from './transport.js';

interface Connected {
  data?: { user?: unknown };
  user?: unknown;
  handshake?: { headers: Record<string, string> };
  request: { headers: Record<string, string> };
}

const gateway = {
  onClass: WebSocketGateway(),
  onMethod: (method) => SubscribeMessage(method),
  input: () => MessageBody(),
  isController: false,
  inputOf: (context) => context.switchToWs().getData<Input>(),
  headerOf: (context, name) => context.switchToWs().getClient<Connected>().request.headers[name],
  refusal: problemOf,
  shutdown: shutdownProblem,
} satisfies Partial<TransportAdapter>;

/** A client of socket.io. */
export interface IoClient extends Client {
  readonly socket: Socket;
}

export async function connectIo(url: string, headers?: Record<string, string>): Promise<IoClient> {
  const socket = io(url, { transports: ['websocket'], extraHeaders: headers, reconnection: false });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  });
  return {
    socket,
    async call(method, input = {}): Promise<Reply> {
      // Nest acknowledges no failure of a handler.
      const failed = new Promise((resolve) => socket.once('exception', resolve));
      const reply: unknown = await Promise.race([socket.emitWithAck(method, input), failed]);
      return typeof reply === 'string' ? { answer: readAnswer(reply) } : { error: reply };
    },
    leave: () => socket.disconnect(),
  };
}

export const socketIo: TransportAdapter = {
  ...gateway,
  name: 'socket.io',
  setUser(context, user) {
    context.switchToWs().getClient<Connected>().data = { user };
  },
  async start(module) {
    const { app, url } = await listen(module, 'express', (app) =>
      app.useWebSocketAdapter(new IoAdapter(app)),
    );
    return { app, connect: (headers) => connectIo(url, headers) };
  },
};

/** Replies come in the order of the calls: ws has no other way to tell which is which. */
async function connectWs(url: string, headers?: Record<string, string>): Promise<Client> {
  const socket = new WebSocket(url.replace('http', 'ws'), { headers });
  const waiting: ((reply: Reply) => void)[] = [];
  socket.on('message', (data) => {
    const message: unknown = JSON.parse(data.toString());
    const reply =
      typeof message === 'string'
        ? { answer: readAnswer(message) }
        : { error: (message as { data: unknown }).data };
    waiting.shift()?.(reply);
  });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return {
    call(method, input = {}) {
      socket.send(JSON.stringify({ event: method, data: input }));
      return new Promise((resolve) => waiting.push(resolve));
    },
    leave: () => socket.terminate(),
  };
}

export const ws: TransportAdapter = {
  ...gateway,
  name: 'ws',
  setUser(context, user) {
    context.switchToWs().getClient<Connected>().user = user;
  },
  async start(module) {
    const { app, url } = await listen(module, 'express', (app) =>
      app.useWebSocketAdapter(new WsAdapter(app)),
    );
    return { app, connect: (headers) => connectWs(url, headers) };
  },
};
