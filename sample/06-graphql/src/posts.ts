import { EventEmitter, on } from 'node:events';
import { Injectable } from '@nestjs/common';
import type { Post } from './post.js';

/** Posts in memory, and the news of each that is added. */
@Injectable()
export class Posts {
  private readonly posts: Post[] = [{ title: 'Buckets', related: [] }];
  private readonly news = new EventEmitter().setMaxListeners(0);

  newest(first: number): Post[] {
    return this.posts.slice(-first).reverse();
  }

  add(title: string): Post {
    const post = { title, related: this.posts.slice(-2) };
    this.posts.push(post);
    this.news.emit('post', post);
    return post;
  }

  /** What is added from now on, each as a list of one. */
  added(): AsyncIterableIterator<[Post]> {
    return on(this.news, 'post') as AsyncIterableIterator<[Post]>;
  }
}
