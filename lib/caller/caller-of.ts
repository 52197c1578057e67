import type { ExecutionContext } from '@nestjs/common';
import type { Caller } from './caller.js';
import { graphqlCaller } from './graphql-caller.js';
import { httpCaller } from './http-caller.js';
import { socketCaller } from './socket-caller.js';

/** The caller of an invocation; undefined where none can be known: microservices, and kinds of requests that are not ours. */
export function callerOf(context: ExecutionContext): Caller | undefined {
  switch (context.getType<string>()) {
    case 'http':
      return httpCaller(context.getArgByIndex(0));
    case 'graphql':
      return graphqlCaller(context.getArgs());
    case 'ws':
      return socketCaller(context.switchToWs().getClient());
    default:
      return undefined;
  }
}
