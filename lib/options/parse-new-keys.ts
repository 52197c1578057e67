import type { Limit } from '../algorithms/limit.js';
import { checkKnownOptions, checkObject } from '../common/checks.js';
import { type Limits, parseLimits } from './limits.js';

/**
 * How many keys of a policy may be new.
 * @throws RateLimitError `INVALID_OPTION`, `UNKNOWN_OPTION`, `INVALID_CAPACITY`, `INVALID_RATE`, `RATE_DOES_NOT_FIT`
 */
export function parseNewKeys(newKeys: Limits | undefined, place: string): Limit | undefined {
  if (newKeys === undefined) return undefined;
  const here = `${place}: newKeys`;
  checkObject(newKeys, here, "{ capacity: 10_000, rate: '1000/s' }");
  checkKnownOptions(newKeys, ['capacity', 'rate'], here);
  return parseLimits(newKeys, { algorithm: 'token-bucket', shapes: false }, here);
}
