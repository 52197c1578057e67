import { Body, Controller, Get, Post } from '@nestjs/common';
import { TokenBucket } from 'nestjs-floodgate';

@Controller('comments')
export class CommentsController {
  private readonly comments: string[] = [];

  @Get()
  list() {
    return this.comments.slice(-10);
  }

  /** Each user may write 3 comments at once, then one every 10 seconds. */
  @Post()
  @TokenBucket({ name: 'comments', capacity: 3, rate: '1/10s' })
  write(@Body() body: { text?: string }) {
    this.comments.push(body?.text ?? '');
    return { comments: this.comments.length };
  }
}
