import type { Limit } from '../algorithms/limit.js';
import { checkKnownOptions, checkObject } from '../common/checks.js';
import { type Limits, parseLimits } from './limits.js';
import { checkStaticCost } from './parse-policy.js';
import type { Policy } from './policy.js';

/**
 * Limits that take the place of those that a policy declares.
 * @throws RateLimitError `INVALID_OPTION`, `UNKNOWN_OPTION`, `INVALID_CAPACITY`, `INVALID_RATE`, `RATE_DOES_NOT_FIT`,
 * `COST_ABOVE_CAPACITY`
 */
export function parseSetLimits({ shape, cost }: Policy, limits: Limits, place: string): Limit {
  checkObject(limits, place, "{ capacity: 10, rate: '5/s' }");
  checkKnownOptions(limits, ['capacity', 'rate'], place);
  const limit = parseLimits(limits, shape, place);
  if (typeof cost === 'number') checkStaticCost(cost, limit.capacity, place);
  return limit;
}
