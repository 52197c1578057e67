import { createParamDecorator } from '@nestjs/common';
import { currentLedger } from '../guard/ledger.js';
import type { Policy } from '../options/policy.js';

const inject = createParamDecorator((policy?: Policy | string) => currentLedger.getStore()?.decision(policy));

/**
 * Injects the `Decision` of this request: of the tightest policy, or of one by its value or name; undefined where
 * nothing was decided.
 */
export function RateLimitDecision(policy?: Policy | string): ParameterDecorator {
  return inject(policy);
}
