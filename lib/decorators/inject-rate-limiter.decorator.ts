import { Inject } from '@nestjs/common';
import { limiterToken } from '../limiter/limiter-token.js';
import type { Policy } from '../options/policy.js';

/**
 * Injects a `BoundRateLimiter` of a named policy, by its value or name, in a module that imports
 * `RateLimitModule.forFeature` with it.
 * @throws RateLimitError `POLICY_NEEDS_NAME`, `INVALID_OPTION`
 */
export function InjectRateLimiter(policy: Policy | string): ParameterDecorator & PropertyDecorator {
  return Inject(limiterToken(policy, '@InjectRateLimiter'));
}
