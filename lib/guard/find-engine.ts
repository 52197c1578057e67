import type { ModuleRef } from '@nestjs/core';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { RateLimitEngine } from './engine.js';

/**
 * The engine of the application, wherever the guard is bound: feature modules import nothing.
 * @throws RateLimitError `MISSING_FOR_ROOT`
 */
export function findEngine(moduleRef: ModuleRef): RateLimitEngine {
  try {
    return moduleRef.get(RateLimitEngine, { strict: false });
  } catch (cause) {
    throw new RateLimitError(
      'MISSING_FOR_ROOT',
      'a route has a rate limit, but the application has no RateLimitModule; import RateLimitModule.forRoot() in its root module',
      { cause },
    );
  }
}
