import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';
import { describe, Policy } from '../options/policy.js';

/**
 * The injection token of a named policy's limiter. Where nobody provides it Nest shows it in its own error, so it says
 * what to do.
 * @throws RateLimitError `POLICY_NEEDS_NAME`, `INVALID_OPTION`
 */
export function limiterToken(policy: Policy | string, place: string): string {
  const name = nameOf(policy, place);
  return `RateLimiter of '${name}', of a module that imports RateLimitModule.forFeature('${name}')`;
}

function nameOf(policy: Policy | string, place: string): string {
  if (typeof policy === 'string' && policy !== '') return policy;
  if (!(policy instanceof Policy)) {
    throw new RateLimitError(
      'INVALID_OPTION',
      `${place}: the policy is ${show(policy)}; write a policy with a name, or its name: 'chat'`,
    );
  }
  if (policy.name !== undefined) return policy.name;
  throw new RateLimitError(
    'POLICY_NEEDS_NAME',
    `${place}: the ${describe(policy)} has no name, so nothing says which bucket is meant; give it one: name: 'chat'`,
  );
}
