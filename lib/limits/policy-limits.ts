import type { ExecutionContext, Type } from '@nestjs/common';
import type { Limit } from '../algorithms/limit.js';
import type { Awaitable } from '../common/awaitable.js';
import { type Limits, type LimitsFunction, type LimitsResolver, readLimits } from '../options/limits.js';
import type { Policy } from '../options/policy.js';
import { LimitsCache } from './limits-cache.js';
import type { LimitsProviders } from './limits-providers.js';

/** The limit of a request; undefined: it is unlimited. */
export type LimitOf = (context: ExecutionContext, key: string) => Awaitable<Limit | undefined>;

/** What the limits of policies are, fixed or found out for each request. */
export class PolicyLimits {
  private readonly known = new Map<Policy, LimitOf>();

  constructor(private readonly providers: LimitsProviders) {}

  /** @throws RateLimitError `LIMITS_PROVIDER` */
  of(policy: Policy, place: string): LimitOf {
    const known = this.known.get(policy);
    if (known !== undefined) return known;
    const limitOf = this.make(policy, place);
    this.known.set(policy, limitOf);
    return limitOf;
  }

  private make(policy: Policy, place: string): LimitOf {
    const { limit, limits, limitsTtlMs } = policy;
    if (limits === undefined) return () => limit;
    const ask = isClass(limits) ? this.askProvider(limits, place) : limits;
    const find = async (context: ExecutionContext, key: string) =>
      readAnswer(policy, await ask(context, key), place);
    if (limitsTtlMs === 0) return find;
    const cache = new LimitsCache(limitsTtlMs);
    return (context, key) => cache.get(key, () => find(context, key));
  }

  private askProvider(type: Type<LimitsResolver>, place: string): LimitsFunction {
    const find = this.providers.find(type, place);
    return async (context, key) => (await find(context)).limitsFor(context, key);
  }
}

const readAnswer = (policy: Policy, answer: Limits | 'unlimited', place: string): Limit | undefined =>
  answer === 'unlimited' ? undefined : readLimits(policy, answer, `${place}: limits`);

const isClass = (limits: Policy['limits']): limits is Type<LimitsResolver> =>
  typeof (limits as Type<LimitsResolver>).prototype?.limitsFor === 'function';
