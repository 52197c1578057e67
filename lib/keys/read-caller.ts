import type { ExecutionContext } from '@nestjs/common';
import type { Caller } from '../caller/caller.js';
import { callerOf } from '../caller/caller-of.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { routeOf } from './key-resolver.js';

/**
 * What a key resolver needs of the caller.
 * @throws RateLimitError `NO_HTTP_REQUEST` where that cannot be known
 */
export function readCaller<P extends 'ip' | 'headers' | 'params'>(
  context: ExecutionContext,
  part: P,
  resolver: string,
): NonNullable<Caller[P]> {
  const value = callerOf(context)?.[part];
  if (value === undefined) throw noHttpRequest(context, part, resolver);
  return value;
}

/**
 * Whom authentication has found, or undefined.
 * @throws RateLimitError `NO_HTTP_REQUEST` where there is no place for a user
 */
export function readUser(context: ExecutionContext, resolver: string): unknown {
  const caller = callerOf(context);
  if (caller === undefined) throw noHttpRequest(context, 'user', resolver);
  return caller.user;
}

const WHAT = {
  ip: 'the address of an HTTP request',
  headers: 'the headers of an HTTP request',
  params: 'the route of an HTTP request',
  user: 'the user of an HTTP request',
};

/** The `ws` package gives the request that opens a connection to `handleConnection` alone. */
const hint = (context: ExecutionContext, part: string): string =>
  part !== 'params' && context.getType<string>() === 'ws'
    ? ', or keep the request in handleConnection(client, request): client.request = request'
    : '';

function noHttpRequest(context: ExecutionContext, part: keyof typeof WHAT, resolver: string): RateLimitError {
  return new RateLimitError(
    'NO_HTTP_REQUEST',
    `${routeOf(context)}: ${resolver} reads ${WHAT[part]}, and this ${context.getType<string>()} invocation has none within reach. Give the policy a key of its own: key: (context) => …${hint(context, part)}`,
  );
}
