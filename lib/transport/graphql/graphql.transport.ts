import { loadPackage } from '../load-package.js';
import { MessageTransport } from '../message.transport.js';
import type { Refusals } from '../refusals.js';
import type { Transport } from '../transport.js';
import { GraphqlProblem } from './graphql-problem.js';

/**
 * The transport of resolvers: a `GraphQLError`, for servers that mask errors let those pass. It says nothing of an HTTP
 * status, and there are no headers: the fields of an operation are limited one by one, and share one response.
 */
export async function loadGraphqlTransport(refusals: Refusals): Promise<Transport> {
  const { GraphQLError } = await loadPackage('graphql', () => import('graphql'));
  return new MessageTransport(({ message, ...extensions }, cause) => {
    const error = new GraphQLError(message, { extensions });
    return GraphqlProblem.mark(Object.assign(error, { cause }));
  }, refusals);
}
