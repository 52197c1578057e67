import { type ArgumentsHost, Catch, type ExceptionFilter, Inject } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { RateLimitExceededException } from './rate-limit-exceeded.exception.js';

/**
 * Writes the body of a refusal. It catches nothing else, so a filter of the application that is bound to a method, a
 * class, or with `useGlobalFilters` replaces it.
 */
@Catch(RateLimitExceededException)
export class RateLimitExceededFilter implements ExceptionFilter<RateLimitExceededException> {
  constructor(@Inject(HttpAdapterHost) private readonly host: HttpAdapterHost) {}

  catch(exception: RateLimitExceededException, host: ArgumentsHost): void {
    const { httpAdapter } = this.host;
    const response = host.switchToHttp().getResponse<unknown>();
    if (httpAdapter.isHeadersSent(response)) {
      httpAdapter.end(response);
      return;
    }
    const { contentType, text } = exception.body;
    httpAdapter.setHeader(response, 'Content-Type', contentType);
    // As text: for an object, Nest 11 on Express sets the type of its own.
    httpAdapter.reply(response, text, exception.getStatus());
  }
}
