import { type ExecutionContext, Injectable } from '@nestjs/common';
import { byGlobal, byIp, byUser, type Limits, type LimitsResolver, tokenBucket } from 'nestjs-floodgate';
import { PlansRepository } from './plans.repository.js';

/** Asks the repository what a user may do; the key of the policy is the user. */
@Injectable()
export class PlanLimits implements LimitsResolver {
  constructor(private readonly plans: PlansRepository) {}

  limitsFor(_context: ExecutionContext, userId: string): Promise<Limits> {
    return this.plans.limitsOf(userId);
  }
}

/** Before authentication: who guesses keys is stopped here, for a refused guess has taken its token. */
export const ip = tokenBucket({ name: 'ip', capacity: 60, rate: 1, key: byIp() });

/** After it, three limits in one decision: if one refuses, none is charged. An answer of PlanLimits counts for a second. */
export const plan = tokenBucket({ name: 'plan', key: byUser(), limits: PlanLimits, limitsTtlMs: 1000 });
export const tenant = tokenBucket({ name: 'tenant', capacity: 30, rate: '30/min', key: byUser('tenant') });
export const everyone = tokenBucket({
  name: 'everyone',
  capacity: 100,
  rate: 50,
  key: byGlobal(),
  // By itself it would be decided with `ip`, and what the plan refuses would use it up for all.
  stage: 'handler',
});
