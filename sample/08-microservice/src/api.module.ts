import { Body, Controller, Get, HttpCode, Module, Post } from '@nestjs/common';
import type { Mail } from './limits.js';
import { MailerClient } from './mailer.client.js';

/** The side that users see. It knows nothing of the limits: the mailer has them, whoever calls it. */
@Controller()
export class ApiController {
  constructor(private readonly mailer: MailerClient) {}

  @Post('mails')
  send(@Body() mail: Mail) {
    return this.mailer.send(mail);
  }

  @Post('newsletter')
  @HttpCode(202)
  sendNewsletter(@Body() { to }: { to: string[] }) {
    this.mailer.sendNewsletter(to);
  }

  @Get('stats')
  stats() {
    return this.mailer.stats();
  }
}

@Module({ controllers: [ApiController], providers: [MailerClient] })
export class ApiModule {}
