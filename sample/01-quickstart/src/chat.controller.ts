import { Body, Controller, Post } from '@nestjs/common';
import { byHeader, type Decision, RateLimitDecision, TokenBucket } from 'nestjs-floodgate';

@Controller('chat')
export class ChatController {
  /** Each user may send 10 messages at once, then 5 per second; the rest is answered with 429. */
  @Post()
  @TokenBucket({ capacity: 10, rate: 5, key: byHeader('x-user-id') })
  chat(@Body() body: { text?: string }, @RateLimitDecision() decision: Decision) {
    return { reply: `You said: ${body?.text ?? ''}`, messagesLeft: decision.remaining };
  }
}
