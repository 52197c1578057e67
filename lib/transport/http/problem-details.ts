import { STATUS_CODES } from 'node:http';
import { HttpStatus } from '@nestjs/common';
import { type Decision, soonestFirst, tightest } from '../../limiter/decision.js';

/** A problem of RFC 9457 with the members of draft-ietf-httpapi-ratelimit-headers-11. */
export interface ProblemDetails {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** The policies that refused: the one that admits again first comes first. */
  readonly 'violated-policies': readonly string[];
  /** After how long the same request would pass, in milliseconds; absent where nobody can say. */
  readonly 'retry-after-ms'?: number;
}

export function quotaExceeded(
  decisions: readonly Decision[],
  { status = HttpStatus.TOO_MANY_REQUESTS, detail }: { status?: number; detail?: string } = {},
): ProblemDetails {
  const refusals = soonestFirst(decisions.filter(({ allowed }) => !allowed));
  const retryAfterMs = tightest(refusals)?.retryAfterMs ?? null;
  return {
    type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
    // Some of the statuses that others use have no name.
    title: STATUS_CODES[status] ?? 'Too Many Requests',
    status,
    detail: detail ?? whenToRetry(retryAfterMs),
    'violated-policies': refusals.map(({ policy }) => policy),
    ...(retryAfterMs === null ? {} : { 'retry-after-ms': retryAfterMs }),
  };
}

/** Nobody knows whether a limit was reached: the store cannot be asked, and the policy denies what it does not know. */
export function reducedCapacity(
  decisions: readonly Decision[],
  { detail }: { detail?: string | undefined } = {},
): ProblemDetails {
  return {
    ...quotaExceeded(decisions, { status: HttpStatus.SERVICE_UNAVAILABLE }),
    type: 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity',
    detail: detail ?? 'The limits of this request cannot be checked at the moment; try again shortly.',
  };
}

const whenToRetry = (retryAfterMs: number | null): string =>
  retryAfterMs === null
    ? 'No wait is long enough: the request costs more than the limit ever admits, or the limit is blocked until further notice.'
    : `Request limit exceeded; retry after ${Math.ceil(retryAfterMs / 1000)} s.`;
