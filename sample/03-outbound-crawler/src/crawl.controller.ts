import {
  ConflictException,
  Controller,
  DefaultValuePipe,
  Get,
  HttpCode,
  Param,
  ParseIntPipe,
  Post,
  Query,
} from '@nestjs/common';
import { Crawler } from './crawler.js';
import { ProviderClient } from './provider.client.js';

const page = (first: number) => [new DefaultValuePipe(first), ParseIntPipe] as const;

@Controller()
export class CrawlController {
  constructor(
    private readonly crawler: Crawler,
    private readonly provider: ProviderClient,
  ) {}

  @Post('crawl')
  @HttpCode(202)
  start(@Query('from', ...page(1)) from: number, @Query('to', ...page(600)) to: number) {
    if (this.crawler.progress.isRunning) throw new ConflictException('a crawl is running');
    void this.crawler.crawl(from, to);
    return { from, to };
  }

  @Get('crawl')
  async progress() {
    const pool = (await this.provider.pool.status()).map(({ id, isQuarantined, decision }) => ({
      id,
      isQuarantined,
      remaining: decision.remaining,
      retryAfterMs: decision.retryAfterMs,
    }));
    return { ...this.crawler.progress, pool };
  }

  @Post('pool/:id/restore')
  @HttpCode(200)
  async restore(@Param('id') id: string) {
    return { restored: await this.provider.pool.restore(id) };
  }
}
