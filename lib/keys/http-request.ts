import type { ExecutionContext } from '@nestjs/common';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { routeOf } from './key-resolver.js';

/** What the key resolvers read of an Express or Fastify request. */
export interface HttpRequest {
  readonly ip?: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly params?: Readonly<Record<string, string | string[] | undefined>>;
  readonly user?: unknown;
}

/** @throws RateLimitError `NO_HTTP_REQUEST` outside HTTP */
export function httpRequest(context: ExecutionContext, resolver: string): HttpRequest {
  if (context.getType<string>() === 'http') return context.switchToHttp().getRequest<HttpRequest>();
  throw new RateLimitError(
    'NO_HTTP_REQUEST',
    `${routeOf(context)}: ${resolver} reads an HTTP request, and this is ${context.getType<string>()}. Give the policy a key of its own: key: (context) => …`,
  );
}
