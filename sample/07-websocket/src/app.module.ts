import { type DynamicModule, Module } from '@nestjs/common';
import { RateLimitModule } from 'nestjs-floodgate';
import { Door } from './door.js';
import { SocketIoGateway } from './socket-io.gateway.js';
import { WsGateway } from './ws.gateway.js';

export type Library = 'socket.io' | 'ws';

const gateways = { 'socket.io': SocketIoGateway, ws: WsGateway };

@Module({})
export class AppModule {
  /** An application speaks one of the two. */
  static with(library: Library): DynamicModule {
    return {
      module: AppModule,
      // Without REDIS_URL the buckets live in this process; with it all instances share them.
      imports: [RateLimitModule.forRoot({ redis: process.env.REDIS_URL })],
      providers: [Door, gateways[library]],
    };
  }
}
