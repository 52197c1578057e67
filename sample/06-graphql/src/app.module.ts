import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Module } from '@nestjs/common';
import { GraphQLModule } from '@nestjs/graphql';
import { RateLimitModule } from 'nestjs-floodgate';
import { Posts } from './posts.js';
import { PostsResolver } from './posts.resolver.js';

@Module({
  imports: [
    // Without REDIS_URL the buckets live in this process; with it all instances share them.
    RateLimitModule.forRoot({ redis: process.env.REDIS_URL }),
    GraphQLModule.forRoot<ApolloDriverConfig>({
      driver: ApolloDriver,
      autoSchemaFile: true,
      subscriptions: { 'graphql-ws': true },
      includeStacktraceInErrorResponses: false,
    }),
  ],
  providers: [Posts, PostsResolver],
})
export class AppModule {}
