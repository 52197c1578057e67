import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NestFactory } from '@nestjs/core';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { AppModule, type Library } from './app.module.js';

const library: Library = process.env.WEBSOCKET === 'ws' ? 'ws' : 'socket.io';
const app = await NestFactory.create(AppModule.with(library));
app.useWebSocketAdapter(library === 'ws' ? new WsAdapter(app) : new IoAdapter(app));
app.enableShutdownHooks();
await app.listen(Number(process.env.PORT ?? 3000));
const url = (await app.getUrl()).replace('[::1]', 'localhost');
const program = relative('', fileURLToPath(new URL('./client.js', import.meta.url)));
const client = `node ${program} ${library} ${url}`;

console.log(`
Listening on ${url}, with ${library} and buckets ${process.env.REDIS_URL ? 'on Redis' : 'in memory'}. Try:

  ${client} say 7
  ${client} connect 12
`);
