import { Module } from '@nestjs/common';
import { RateLimitModule } from 'nestjs-floodgate';
import { CrawlController } from './crawl.controller.js';
import { Crawler } from './crawler.js';
import { ProviderClient } from './provider.client.js';

@Module({
  // Several instances share the quota of the tokens only on Redis.
  imports: [RateLimitModule.forRoot({ redis: process.env.REDIS_URL })],
  controllers: [CrawlController],
  providers: [Crawler, ProviderClient],
})
export class AppModule {}
