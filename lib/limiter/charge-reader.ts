import type { Limit } from '../algorithms/limit.js';
import { checkKnownOptions, checkObject } from '../common/checks.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';
import { type Limits, readLimits } from '../options/limits.js';
import { checkCost } from '../options/parse-policy.js';
import type { Policy } from '../options/policy.js';
import { bucketKey } from './bucket-key.js';
import type { Bucket, Charge } from './charge.js';
import type { PlacedPolicy } from './placed-policy.js';
import type { PolicyRegistry } from './policy-registry.js';

export interface ConsumeOptions {
  /** The limits of this key, where those of the policy depend on the request: there they are needed, elsewhere an error. */
  limits?: Limits;
  /** Tokens to take: an integer of at least 0; 0 asks without taking. By default the policy's `cost`, if it is a number, else 1. */
  cost?: number;
}

export interface ConsumeRequest extends ConsumeOptions {
  /** A named policy, or its name. */
  policy: Policy | string;
  /** Who is limited: any text. */
  key: string;
}

const REQUEST = ['policy', 'key', 'cost', 'limits'] satisfies (keyof ConsumeRequest)[];

/** Checks what callers of the service ask for. `method` names the call in an error. */
export class ChargeReader {
  constructor(private readonly registry: PolicyRegistry) {}

  /** @throws RateLimitError `UNKNOWN_POLICY`, `POLICY_NEEDS_NAME`, `POLICY_CONFLICT`, `INVALID_KEY` */
  bucket(method: string, policy: Policy | string, key: string): Bucket {
    const place = `RateLimiterService.${method}`;
    const placed = this.registry.find(policy, place);
    checkKey(key, place);
    return { placed, key };
  }

  /** A bucket and its numbers. @throws RateLimitError the same, and `LIMITS_NEEDED`, `INVALID_LIMITS` or what is wrong with them */
  limited(method: string, policy: Policy | string, key: string, limits: Limits | undefined): Bucket {
    const place = `RateLimiterService.${method}`;
    const { placed } = this.bucket(method, policy, key);
    if (limits === undefined && placed.policy.limit !== undefined) return { placed, key };
    if (limits === undefined || placed.policy.limit !== undefined)
      throw limitsMisplaced(placed, limits, place);
    return { placed, key, limit: readLimits(placed.policy, limits, place) };
  }

  /** @throws RateLimitError the same, and `INVALID_COST`, `INVALID_OPTION`, `UNKNOWN_OPTION` */
  charge(method: string, policy: Policy | string, key: string, options?: ConsumeOptions): Charge {
    const placed = options === undefined ? this.registry.known(policy) : undefined;
    // What most ask for needs no more than this.
    if (placed?.policy.limit !== undefined && typeof key === 'string') return chargeOf(placed, key);
    return this.checkedCharge(method, policy, key, options);
  }

  private checkedCharge(
    method: string,
    policy: Policy | string,
    key: string,
    options: ConsumeOptions = {},
  ): Charge {
    const place = `RateLimiterService.${method}`;
    checkObject(options, place, '{ cost: 2 }');
    checkKnownOptions(options, ['cost', 'limits'], place);
    const { placed, limit } = this.limited(method, policy, key, options.limits);
    const { cost = usualCost(placed) } = options;
    checkCost(cost, place);
    return chargeOf(placed, key, limit, cost);
  }

  /** @throws RateLimitError the same */
  charges(method: string, requests: readonly ConsumeRequest[]): Charge[] {
    const place = `RateLimiterService.${method}`;
    if (!Array.isArray(requests) || requests.length === 0) {
      throw new RateLimitError(
        'INVALID_OPTION',
        `${place}: the requests are ${show(requests)}; write [{ policy, key }, …]`,
      );
    }
    // Not in `map`, which leaves holes in a list as they are.
    for (const request of requests) checkObject(request, place, '{ policy, key }');
    return requests.map((request) => {
      checkKnownOptions(request, REQUEST, place);
      const { policy, key, cost, limits } = request;
      const isUsual = cost === undefined && limits === undefined;
      return this.charge(method, policy, key, isUsual ? undefined : { cost, limits });
    });
  }

  /** Charges of which one is to be taken: each of a bucket of its own. */
  choices(method: string, requests: readonly ConsumeRequest[]): Charge[] {
    const charges = this.charges(method, requests);
    const buckets = new Set(charges.map(({ placed, key }) => bucketKey(placed.id, key)));
    if (buckets.size === charges.length) return charges;
    throw new RateLimitError(
      'INVALID_OPTION',
      `RateLimiterService.${method}: two of the requests are of one policy and key; write each bucket once`,
    );
  }
}

const chargeOf = (placed: PlacedPolicy, key: string, limit?: Limit, cost = usualCost(placed)): Charge => ({
  placed,
  key,
  limit,
  cost,
});

/** A function of the policy's own speaks of requests, and here is none. */
const usualCost = ({ policy: { cost } }: PlacedPolicy): number => (typeof cost === 'number' ? cost : 1);

/** @throws RateLimitError `INVALID_KEY` */
export function checkKey(key: unknown, place: string): asserts key is string {
  if (typeof key === 'string') return;
  throw new RateLimitError('INVALID_KEY', `${place}: key is ${show(key)}; write a text, as String(user.id)`);
}

function limitsMisplaced({ id }: PlacedPolicy, limits: unknown, place: string): RateLimitError {
  return limits === undefined
    ? new RateLimitError(
        'LIMITS_NEEDED',
        `${place}: the limits of '${id}' depend on the request, and here is none; say them: { limits: { capacity, rate } }`,
      )
    : new RateLimitError(
        'INVALID_OPTION',
        `${place}: limits is ${show(limits)}, but '${id}' has limits of its own; leave it out`,
      );
}
