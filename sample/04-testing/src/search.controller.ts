import { Controller, type ExecutionContext, Get, Query } from '@nestjs/common';
import { TokenBucket } from 'nestjs-floodgate';

/** A longer text costs more: one token for each word. */
const words = (context: ExecutionContext): number =>
  String(context.switchToHttp().getRequest().query.q ?? '').split(' ').length;

@Controller('search')
export class SearchController {
  @Get()
  @TokenBucket({ name: 'search', capacity: 20, rate: '2/s', cost: words })
  search(@Query('q') q = '') {
    return { q, found: [] };
  }
}
