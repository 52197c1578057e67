import { HttpException, HttpStatus } from '@nestjs/common';
import type { RateLimitError } from '../../errors/rate-limit.error.js';

/** What servers log for a client that closed its request; nobody reads it. */
const CLIENT_CLOSED_REQUEST = 499;

/** Ends a request whose client has left. An HTTP exception, for Nest logs any other error. */
export function callerGone(cause: Error): HttpException {
  return new HttpException(cause.message, CLIENT_CLOSED_REQUEST, { cause });
}

/** Ends a request whose turn will not come here: another instance may serve it. */
export function unavailable(cause: RateLimitError): HttpException {
  const body = { statusCode: HttpStatus.SERVICE_UNAVAILABLE, code: cause.code, message: cause.message };
  return new HttpException(body, HttpStatus.SERVICE_UNAVAILABLE, { cause });
}
