import { createParamDecorator } from '@nestjs/common';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { currentLedger } from '../guard/ledger.js';
import type { Policy } from '../options/policy.js';
import { declare } from '../plan/declarations.js';

const inject = createParamDecorator((policy?: Policy | string) => currentLedger.getStore()?.decision(policy));

/**
 * Injects the `Decision` of this request: of the tightest policy, or of one by its value or name, which is checked at
 * boot; undefined where nothing was decided.
 */
export function RateLimitDecision(policy?: Policy | string): ParameterDecorator {
  return (target, method, index) => {
    if (typeof method !== 'string' || typeof target === 'function') throw noHandler(target, method);
    declare(target, method, { decision: policy });
    inject(policy)(target, method, index);
  };
}

function noHandler(target: object, method: string | symbol | undefined): RateLimitError {
  const owner = typeof target === 'function' ? target.name : target.constructor.name;
  return new RateLimitError(
    'NOT_A_HANDLER',
    `${owner}.${String(method ?? 'constructor')}: @RateLimitDecision stands where no request arrives; put it on a parameter of a route (beside @Get, @Post, …)`,
  );
}
