import { HttpStatus } from '@nestjs/common';
import { type Decision, tightest } from '../../limiter/decision.js';

/** A problem of RFC 9457 with the members of draft-ietf-httpapi-ratelimit-headers-11. */
export interface ProblemDetails {
  readonly type: string;
  readonly title: string;
  readonly status: HttpStatus.TOO_MANY_REQUESTS;
  readonly detail: string;
  /** The policies that refused. */
  readonly 'violated-policies': readonly string[];
  /** After how long the same request would pass, in milliseconds; absent where nobody can say. */
  readonly 'retry-after-ms'?: number;
}

export function quotaExceeded(decisions: readonly Decision[]): ProblemDetails {
  const refusals = decisions.filter(({ allowed }) => !allowed);
  const retryAfterMs = tightest(refusals)?.retryAfterMs;
  return {
    type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
    title: 'Too Many Requests',
    status: HttpStatus.TOO_MANY_REQUESTS,
    detail:
      typeof retryAfterMs === 'number'
        ? `Request limit exceeded; retry after ${Math.ceil(retryAfterMs / 1000)} s.`
        : 'No wait is long enough: the request costs more than the limit ever admits, or the limit is blocked until further notice.',
    'violated-policies': refusals.map(({ policy }) => policy),
    ...(typeof retryAfterMs === 'number' ? { 'retry-after-ms': retryAfterMs } : {}),
  };
}
