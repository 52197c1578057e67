import { expect } from '@jest/globals';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import type { DynamicModule, Type } from '@nestjs/common';
import { Args, GqlExecutionContext, GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import type { GraphQLFormattedError } from 'graphql';
import { Fetcher, listen } from './http.js';
import { type Client, problemOf, type Reply, readAnswer, type TransportAdapter } from './transport.js';

export type Driver = 'apollo' | 'mercurius';

interface GraphqlRequest {
  headers: Record<string, string | undefined>;
  user?: unknown;
}

export interface GraphqlOptions {
  typeDefs: string;
  include?: Type[];
  path?: string;
  /** Of Apollo. */
  formatError?: (formatted: GraphQLFormattedError, error: unknown) => GraphQLFormattedError;
  fieldResolverEnhancers?: ('guards' | 'interceptors' | 'filters')[];
}

/** The GraphQL module on a driver, with subscriptions. */
export function graphqlModule(driver: Driver, options: GraphqlOptions): DynamicModule {
  if (driver === 'mercurius') {
    return GraphQLModule.forRoot<MercuriusDriverConfig>({
      driver: MercuriusDriver,
      subscription: true,
      ...options,
    });
  }
  return GraphQLModule.forRoot<ApolloDriverConfig>({
    driver: ApolloDriver,
    subscriptions: { 'graphql-ws': true },
    includeStacktraceInErrorResponses: false,
    ...options,
  });
}

export interface GraphqlResponse {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: { message: string; extensions: Record<string, unknown> }[];
}

/** Sends an operation. */
export async function operate(
  fetcher: Fetcher,
  url: string,
  query: string,
): Promise<{ body: GraphqlResponse; headers: Headers }> {
  const response = await fetcher.fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  return { body: (await response.json()) as GraphqlResponse, headers: response.headers };
}

function graphqlClient(url: string, headers?: Record<string, string>): Client {
  const fetcher = new Fetcher(headers);
  return {
    async call(method, { cost } = {}): Promise<Reply> {
      const { body, headers } = await operate(fetcher, url, `{ ${method}(cost: ${cost ?? 1}) }`);
      const [error] = body.errors ?? [];
      if (error === undefined) return { answer: readAnswer(body.data?.[method]), headers };
      const { message, extensions } = error;
      return { error: { message, extensions }, headers };
    },
    leave: () => fetcher.leave(),
  };
}

const request = (context: Parameters<TransportAdapter['setUser']>[0]) =>
  GqlExecutionContext.create(context).getContext<{ req: GraphqlRequest }>().req;

const SCHEMA = 'type Query { first(cost: Int): String second(cost: Int): String }';

const graphql = (driver: Driver, server: 'express' | 'fastify'): TransportAdapter => ({
  name: `GraphQL (${driver})`,
  onClass: Resolver(),
  onMethod: (method) => Query(method),
  input: () => Args('cost'),
  isController: false,
  imports: () => [graphqlModule(driver, { typeDefs: SCHEMA })],
  inputOf: (context) => GqlExecutionContext.create(context).getArgs<{ cost: number }>(),
  headerOf: (context, name) => request(context).headers[name],
  setUser(context, user) {
    request(context).user = user;
  },
  async start(module) {
    const { app, url } = await listen(module, server);
    return { app, connect: async (headers) => graphqlClient(url, headers) };
  },
  refusal(decision) {
    const { code, message } = problemOf(decision);
    return { message, extensions: { code, decision } };
  },
  shutdown: {
    message: expect.stringContaining('shutting down'),
    extensions: { code: 'SHUTTING_DOWN' },
  },
});

export const apollo = graphql('apollo', 'express');
export const mercurius = graphql('mercurius', 'fastify');
