import { Controller } from '@nestjs/common';
import {
  type ClientOptions,
  ClientProxyFactory,
  MessagePattern,
  type MicroserviceOptions,
  Payload,
  Transport,
} from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { byGlobal } from '../../../lib/index.js';
import { freePort } from '../redis/server.js';
import {
  type Client,
  type Input,
  problemOf,
  type Reply,
  readAnswer,
  shutdownProblem,
  type TransportAdapter,
} from './transport.js';

/** A service that calls another. */
export interface RpcClient extends Client {
  /** Tells of an event, which nobody answers. */
  emit(event: string): void;
}

export async function connectRpc(options: ClientOptions): Promise<RpcClient> {
  const proxy = ClientProxyFactory.create(options);
  await proxy.connect();
  return {
    async call(method, input = {}): Promise<Reply> {
      try {
        return { answer: readAnswer(await firstValueFrom(proxy.send(method, input))) };
      } catch (error) {
        return { error };
      }
    },
    emit: (event) => proxy.emit(event, {}),
    leave: () => void proxy.close(),
  };
}

const microservice = (
  name: string,
  options: () => Promise<MicroserviceOptions & ClientOptions>,
): TransportAdapter => ({
  name,
  onClass: Controller(),
  onMethod: (method) => MessagePattern(method),
  input: () => Payload(),
  isController: true,
  key: byGlobal(),
  inputOf: (context) => context.switchToRpc().getData<Input>(),
  setUser: () => undefined,
  async start(module) {
    const where = await options();
    const app = module.createNestMicroservice<MicroserviceOptions>({ ...where, logger: false });
    await app.listen();
    return { app, connect: () => connectRpc(where) };
  },
  refusal: problemOf,
  shutdown: shutdownProblem,
});

export const tcp = microservice('TCP', async () => ({
  transport: Transport.TCP,
  options: { host: '127.0.0.1', port: await freePort() },
}));

/** On a server of Redis that the suite has started. */
export const redis = (port: () => number) =>
  microservice('Redis', async () => ({
    transport: Transport.REDIS,
    options: { host: '127.0.0.1', port: port() },
  }));
