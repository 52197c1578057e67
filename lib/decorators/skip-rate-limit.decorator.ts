import type { Policy } from '../options/policy.js';
import { declare } from '../plan/declarations.js';
import { forHandlers, type LimitDecorator } from './declare-limit.js';

/**
 * Exempts a route or a controller from named policies, or, without any, from all, global ones too.
 * What class and method say adds up.
 */
export function SkipRateLimit(...policies: (Policy | string)[]): LimitDecorator {
  return forHandlers('@SkipRateLimit', (target, method) => {
    declare(target, method, { skip: policies.length === 0 ? 'all' : policies });
  });
}
