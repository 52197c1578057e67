import { Controller } from '@nestjs/common';
import { EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { type Decision, RateLimit, RateLimitDecision } from 'nestjs-floodgate';
import { type Mail, ofTenant, provider } from './limits.js';
import { MailProvider } from './mail-provider.js';
import { Newsletter } from './newsletter.js';

/** What the mailer does when it is told to. */
@Controller()
export class MailsController {
  constructor(
    private readonly mails: MailProvider,
    private readonly newsletter: Newsletter,
  ) {}

  /** Refused by the tenant's limit, or in its turn at the provider. */
  @MessagePattern('mail')
  @RateLimit(ofTenant)
  @RateLimit(provider)
  async send(@Payload() mail: Mail, @RateLimitDecision('provider') { delayMs }: Decision) {
    await this.mails.send(mail.to);
    return { sent: mail.to, waitedMs: delayMs };
  }

  /** An event: nobody waits for an answer, so the work is scheduled. */
  @EventPattern('newsletter')
  async sendNewsletter(@Payload() { to }: { to: string[] }) {
    await this.newsletter.send(to);
  }

  @MessagePattern('stats')
  stats(@Payload() _nothing: object) {
    return this.mails.stats();
  }
}
