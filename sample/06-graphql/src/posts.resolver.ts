import { Args, Int, Mutation, Query, Resolver, Subscription } from '@nestjs/graphql';
import { TokenBucket } from 'nestjs-floodgate';
import { complexity } from './complexity.js';
import { Post } from './post.js';
import { Posts } from './posts.js';

@Resolver(() => Post)
export class PostsResolver {
  constructor(private readonly store: Posts) {}

  /** Each address may ask for 100 fields at once, then 100 per minute. */
  @Query(() => [Post])
  @TokenBucket({ name: 'fields', capacity: 100, rate: '100/min', cost: complexity })
  posts(@Args('first', { type: () => Int, defaultValue: 10 }) first: number): Post[] {
    return this.store.newest(Math.max(1, first));
  }

  @Mutation(() => Post)
  @TokenBucket({ name: 'writes', capacity: 3, rate: '3/min' })
  addPost(@Args('title') title: string): Post {
    return this.store.add(title);
  }

  /** What counts is that it begins, not each of its events. */
  @Subscription(() => Post, { resolve: ([post]: [Post]) => post })
  @TokenBucket({ name: 'subscriptions', capacity: 2, rate: '2/min' })
  postAdded(): AsyncIterableIterator<[Post]> {
    return this.store.added();
  }
}
