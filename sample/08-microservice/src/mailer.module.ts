import { Module } from '@nestjs/common';
import { RateLimitModule } from 'nestjs-floodgate';
import { MailProvider } from './mail-provider.js';
import { MailsController } from './mails.controller.js';
import { Newsletter } from './newsletter.js';
import { ReportJob } from './report.job.js';

@Module({
  imports: [
    // Several mailers share the buckets only on Redis.
    RateLimitModule.forRoot({ redis: process.env.REDIS_URL }),
  ],
  controllers: [MailsController],
  providers: [MailProvider, Newsletter, ReportJob],
})
export class MailerModule {}
