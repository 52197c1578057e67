import { Module } from '@nestjs/common';
import { RateLimitModule } from 'nestjs-floodgate';
import { CrawlController } from './crawl.controller.js';
import { Crawler } from './crawler.js';
import { ProviderClient } from './provider.client.js';

@Module({
  imports: [
    RateLimitModule.forRoot({
      // Several instances share the quota of the tokens only on Redis.
      redis: process.env.REDIS_URL,
      // A crawler can wait for Redis, rather than send what others may have sent already.
      storeTimeoutMs: 5000,
      // Without Redis, four instances take a quarter of each quota: together no more than the provider grants.
      fallbackInstances: 4,
    }),
  ],
  controllers: [CrawlController],
  providers: [Crawler, ProviderClient],
})
export class AppModule {}
