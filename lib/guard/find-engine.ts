import { type ModuleRef, ModulesContainer } from '@nestjs/core';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { firstPlace } from '../plan/boot-check.js';
import { RateLimitEngine } from './engine.js';

/**
 * The engine of the application, wherever the guard is bound: feature modules import nothing.
 * @throws RateLimitError `MISSING_FOR_ROOT`
 */
export function findEngine(moduleRef: ModuleRef): RateLimitEngine {
  try {
    return moduleRef.get(RateLimitEngine, { strict: false });
  } catch (cause) {
    const place = firstPlace(moduleRef.get(ModulesContainer, { strict: false })) ?? 'RateLimitGuard';
    throw new RateLimitError(
      'MISSING_FOR_ROOT',
      `${place}: the application has no RateLimitModule, so nothing would be limited; import RateLimitModule.forRoot() in its root module`,
      { cause },
    );
  }
}
