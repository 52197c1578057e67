import type { Policy } from '../options/policy.js';
import { declareLimit, type LimitDecorator } from './declare-limit.js';

/** Limits by a policy of either algorithm: its value, or its name, which is checked at boot. */
export function RateLimit(policy: Policy | string): LimitDecorator {
  return declareLimit({ decorator: '@RateLimit', policy });
}
