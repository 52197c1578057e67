import { Inject, Injectable } from '@nestjs/common';
import { checkKnownOptions, checkObject } from '../common/checks.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';
import { checkCost } from '../options/parse-policy.js';
import type { Policy } from '../options/policy.js';
import { type CombinedDecision, type Decision, tightest } from './decision.js';
import { type Charge, type Judgement, Limiter } from './limiter.js';
import type { PlacedPolicy } from './placed-policy.js';
import { PolicyRegistry } from './policy-registry.js';

export interface ConsumeOptions {
  /** Tokens to take: an integer of at least 0; 0 asks without taking. By default the policy's `cost`, if it is a number, else 1. */
  cost?: number;
}

export interface ConsumeRequest extends ConsumeOptions {
  /** A named policy, or its name. */
  policy: Policy | string;
  /** Who is limited: any text. */
  key: string;
}

/**
 * Everything the guard can do, without HTTP. Wherever a policy is expected, a named policy or its name will do.
 * Named policies are known from their first use on and stay as they are: one for each tenant, say, is one policy with
 * the tenant as key. A refusal is a value; what is rejected is misuse (`RateLimitError`: `UNKNOWN_POLICY`,
 * `POLICY_NEEDS_NAME`, `POLICY_CONFLICT`, `DUPLICATE_SCOPE`, `INVALID_KEY`, `INVALID_COST`, `INVALID_OPTION`,
 * `UNKNOWN_OPTION`) or a failure of the store.
 */
@Injectable()
export class RateLimiterService {
  constructor(
    @Inject(Limiter) private readonly limiter: Limiter,
    @Inject(PolicyRegistry) private readonly registry: PolicyRegistry,
  ) {}

  /** One decision. Never waits: a leaky bucket reserves a slot and says in `delayMs` when it comes. */
  async consume(policy: Policy | string, key: string, options: ConsumeOptions = {}): Promise<Decision> {
    return only(await this.limiter.decide([this.charge('consume', policy, key, options)]));
  }

  /** All or nothing, in one round trip: if one limit refuses, none is charged. */
  async consumeAll(requests: readonly ConsumeRequest[]): Promise<CombinedDecision> {
    if (!Array.isArray(requests) || requests.length === 0) {
      throw new RateLimitError(
        'INVALID_OPTION',
        `RateLimiterService.consumeAll: the requests are ${show(requests)}; write [{ policy, key }, …]`,
      );
    }
    const charges = requests.map((request: ConsumeRequest) => {
      checkObject(request, 'RateLimiterService.consumeAll', '{ policy, key }');
      return this.charge('consumeAll', request.policy, request.key, { cost: request.cost });
    });
    const { admitted, outcomes } = await this.limiter.decide(charges);
    const decisions = outcomes.map(({ decision }) => decision);
    return { allowed: admitted, decisions, tightest: tightest(decisions) as Decision };
  }

  /** What `consume` would answer, with nothing taken. */
  async peek(policy: Policy | string, key: string, options: ConsumeOptions = {}): Promise<Decision> {
    return only(await this.limiter.decide([this.charge('peek', policy, key, options)], { peek: true }));
  }

  /**
   * Gives tokens back, never beyond full. On a leaky bucket that makes requests wait nothing is given back, for places
   * already promised do not move.
   * @returns whether anything was given back
   */
  async refund(policy: Policy | string, key: string, cost: number): Promise<boolean> {
    return this.limiter.refund(this.charge('refund', policy, key, { cost }));
  }

  /**
   * Forgets the bucket: it is full again.
   * @returns whether there was one
   */
  async reset(policy: Policy | string, key: string): Promise<boolean> {
    const { placed } = this.charge('reset', policy, key, {});
    return this.limiter.reset(placed, key);
  }

  private charge(method: string, policy: Policy | string, key: string, options: ConsumeOptions): Charge {
    const place = `RateLimiterService.${method}`;
    checkObject(options, place, '{ cost: 2 }');
    checkKnownOptions(options, ['cost'], place);
    const placed: PlacedPolicy = this.registry.find(policy, place);
    // A function of the policy's own speaks of requests, and here is none.
    const { cost = typeof placed.policy.cost === 'number' ? placed.policy.cost : 1 } = options;
    if (typeof key !== 'string') {
      throw new RateLimitError(
        'INVALID_KEY',
        `${place}: key is ${show(key)}; write a text, as String(user.id)`,
      );
    }
    checkCost(cost, place);
    return { placed, key, cost };
  }
}

const only = ({ outcomes }: Judgement): Decision => (outcomes[0] as Judgement['outcomes'][number]).decision;
