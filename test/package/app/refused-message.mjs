// A microservice tells its callers only of an RpcException of its own copy of the class: whether the package was imported
// or required, a refusal must be one.
import 'reflect-metadata';
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { Controller } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientProxyFactory, MessagePattern, Transport } from '@nestjs/microservices';
import * as imported from 'nestjs-floodgate';
import { lastValueFrom } from 'rxjs';

const required = createRequire(import.meta.url)('nestjs-floodgate');

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

async function refuses({ byGlobal, RateLimitModule, TokenBucket }) {
  class Cats {
    find() {
      return 'found';
    }
  }
  const method = [Cats.prototype, 'find', Object.getOwnPropertyDescriptor(Cats.prototype, 'find')];
  MessagePattern('find')(...method);
  TokenBucket({ capacity: 1, rate: '1/day', key: byGlobal() })(...method);
  Controller()(Cats);
  class App {}
  const where = { transport: Transport.TCP, options: { host: '127.0.0.1', port: await freePort() } };
  const module = { module: App, imports: [RateLimitModule.forRoot()], controllers: [Cats] };
  const app = await NestFactory.createMicroservice(module, { ...where, logger: false, abortOnError: false });
  await app.listen();
  const client = ClientProxyFactory.create(where);
  assert.equal(await lastValueFrom(client.send('find', {})), 'found');
  await assert.rejects(lastValueFrom(client.send('find', {})), (error) => error.code === 'RATE_LIMITED');
  await client.close();
  await app.close();
}

await refuses(imported);
await refuses(required);
