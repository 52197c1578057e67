import {
  MessageBody,
  type OnGatewayConnection,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import { type Decision, RateLimit, RateLimitDecision } from 'nestjs-floodgate';
import type { Socket } from 'socket.io';
import { Door } from './door.js';
import { messages } from './limits.js';

@WebSocketGateway()
export class SocketIoGateway implements OnGatewayConnection<Socket> {
  constructor(private readonly door: Door) {}

  async handleConnection(client: Socket): Promise<void> {
    const reason = await this.door.refusal(client.handshake.address);
    if (reason === undefined) return;
    client.emit('refused', { reason });
    client.disconnect(true);
  }

  @SubscribeMessage('say')
  @RateLimit(messages)
  say(@MessageBody() text: string, @RateLimitDecision() { remaining }: Decision) {
    return { event: 'said', data: { text, messagesLeft: remaining } };
  }
}
