import type { IncomingMessage } from 'node:http';
import {
  MessageBody,
  type OnGatewayConnection,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import { type Decision, RateLimit, RateLimitDecision } from 'nestjs-floodgate';
import type { WebSocket } from 'ws';
import { Door } from './door.js';
import { messages } from './limits.js';

/** RFC 6455: the server is temporarily not able to serve, try again later. */
const TRY_AGAIN_LATER = 1013;

@WebSocketGateway()
export class WsGateway implements OnGatewayConnection<WebSocket> {
  constructor(private readonly door: Door) {}

  async handleConnection(client: WebSocket, request: IncomingMessage): Promise<void> {
    // NestJS 10 and 11 tell an exception to this side of the socket only.
    client.on('exception', (data: unknown) => client.send(JSON.stringify({ event: 'exception', data })));
    const reason = await this.door.refusal(request.socket.remoteAddress);
    if (reason !== undefined) client.close(TRY_AGAIN_LATER, reason);
  }

  @SubscribeMessage('say')
  @RateLimit(messages)
  say(@MessageBody() text: string, @RateLimitDecision() { remaining }: Decision) {
    return { event: 'said', data: { text, messagesLeft: remaining } };
  }
}
