import { Inject, Injectable } from '@nestjs/common';
import type { Awaitable } from '../common/awaitable.js';
import { checkInteger, checkKnownOptions, checkObject } from '../common/checks.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';
import { keyOf } from '../limiter/bucket-key.js';
import type { BucketState } from '../limiter/bucket-state.js';
import type { Bucket } from '../limiter/charge.js';
import { checkKey } from '../limiter/charge-reader.js';
import { FullestBuckets } from '../limiter/fullest-buckets.js';
import { Limiter } from '../limiter/limiter.js';
import type { PlacedPolicy } from '../limiter/placed-policy.js';
import { PolicyRegistry } from '../limiter/policy-registry.js';
import { checkCost } from '../options/parse-policy.js';
import type { Policy } from '../options/policy.js';
import { BootReport } from '../plan/boot-report.js';
import { PlanCatalog } from '../plan/plan-catalog.js';
import { type BlockTime, readBlockTime } from './block-time.js';
import { explain } from './explain.js';
import type { Explanation } from './explanation.js';

export interface FullestOptions {
  /** How many to tell of: an integer from 1 to 1,000; by default 10. */
  limit?: number;
}

/**
 * For those who run an application: what it limits, and what its buckets hold. Injectable wherever `RateLimiterService` is.
 * A policy is a value, a name, or the place of one without a name, as `explain()` shows it: `Cats.find`. Keys are those of
 * decisions: what `byUser` or `byIp` has answered.
 */
@Injectable()
export class RateLimitAdmin {
  constructor(
    @Inject(PlanCatalog) private readonly catalog: PlanCatalog,
    @Inject(BootReport) private readonly report: BootReport,
    @Inject(PolicyRegistry) private readonly registry: PolicyRegistry,
    @Inject(Limiter) private readonly limiter: Limiter,
    @Inject(FullestBuckets) private readonly candidates: FullestBuckets,
  ) {}

  /**
   * Every route with its policies, those that nobody limits, and what the boot has warned of. As a text it is a table. A
   * module that is loaded later is in it from its first request on.
   * @throws RateLimitError `NOT_INITIALIZED` before `app.init()` or `app.listen()`
   */
  explain(): Explanation {
    if (this.report.isComplete) return explain(this.catalog.handlers, this.report);
    throw new RateLimitError(
      'NOT_INITIALIZED',
      'RateLimitAdmin.explain: the application is not initialized, so its routes are not known yet; call it after await app.init() or await app.listen()',
    );
  }

  /** The buckets of a key, over all policies that this process knows, in one call of the store for each 32. A full one is none. */
  async find(key: string): Promise<BucketState[]> {
    const states = await this.limiter.inspect(this.buckets('find', key));
    return states.filter(({ missing, blockedForMs }) => missing > 0 || blockedForMs !== 0);
  }

  /** What a bucket holds, be it full or not. Takes nothing, and needs no limits. */
  async inspect(policy: Policy | string, key: string): Promise<BucketState> {
    const [state] = await this.limiter.inspect(this.buckets('inspect', key, [policy]));
    return state as BucketState;
  }

  /**
   * Forgets the buckets of a key, of all policies or of some: they are full again, and not blocked.
   * @returns the policies of which there was one
   */
  async reset(key: string, policies?: readonly (Policy | string)[]): Promise<string[]> {
    return this.each(this.buckets('reset', key, policies), (bucket) => this.limiter.reset(bucket));
  }

  /**
   * Gives tokens back, as `RateLimiterService.refund`: never beyond full, and none on a leaky bucket that makes requests
   * wait. A larger bucket is a matter of limits.
   * @returns whether anything was given back
   */
  async grant(policy: Policy | string, key: string, tokens: number): Promise<boolean> {
    const [bucket] = this.buckets('grant', key, [policy]);
    checkCost(tokens, 'RateLimitAdmin.grant');
    return this.limiter.refund({ ...(bucket as Bucket), cost: tokens });
  }

  /**
   * Lets nothing of a key start, for all instances, whether or not there is a bucket yet: of all policies that this process
   * knows, or of some. An earlier end changes nothing. `until` is a time of this process' clock.
   */
  async block(key: string, time: BlockTime, policies?: readonly (Policy | string)[]): Promise<void> {
    const report = readBlockTime(time, 'RateLimitAdmin.block');
    const buckets = this.buckets('block', key, policies);
    await Promise.all(buckets.map((bucket) => this.limiter.sync(withLimit(bucket), report)));
  }

  /**
   * Ends the blocks of a key, whoever has set them.
   * @returns the policies of which there was one
   */
  async unblock(key: string, policies?: readonly (Policy | string)[]): Promise<string[]> {
    return this.each(this.buckets('unblock', key, policies), (bucket) => this.limiter.unblock(bucket));
  }

  /**
   * The keys of a policy with the most tokens missing. In memory all are looked at; in Redis those that were at least half
   * used at a decision, up to a thousand, about a second late for other instances. What they hold is what is there now.
   * Keys of more than 128 characters are left out.
   */
  async fullest(policy: Policy | string, options: FullestOptions = {}): Promise<BucketState[]> {
    const place = 'RateLimitAdmin.fullest';
    checkObject(options, place, '{ limit: 10 }');
    checkKnownOptions(options, ['limit'], place);
    const { limit = 10 } = options;
    checkInteger(limit, 1, 1000, `${place}: limit`);
    const placed = this.registry.findAny(policy, place);
    const keys = (await this.candidates.of(placed.id)).flatMap((name) => keyOf(name) ?? []);
    const states = await this.limiter.inspect(keys.map((key) => ({ placed, key })));
    const used = states.filter(({ missing }) => missing > 0);
    return used.sort(moreMissing).slice(0, limit);
  }

  private buckets(method: string, key: string, policies?: readonly (Policy | string)[]): Bucket[] {
    const place = `RateLimitAdmin.${method}`;
    checkKey(key, place);
    return this.policies(place, policies).map((placed) => ({ placed, key }));
  }

  private policies(place: string, policies?: readonly (Policy | string)[]): PlacedPolicy[] {
    if (policies === undefined) return this.registry.all;
    if (Array.isArray(policies))
      return Array.from(policies, (policy) => this.registry.findAny(policy, place));
    throw new RateLimitError(
      'INVALID_OPTION',
      `${place}: policies is ${show(policies)}; write a list, as ['daily'], or leave it out for all`,
    );
  }

  /** The policies of the buckets of which an action answers yes. */
  private async each(
    buckets: readonly Bucket[],
    act: (bucket: Bucket) => Awaitable<boolean>,
  ): Promise<string[]> {
    const done = await Promise.all(buckets.map(act));
    return buckets.filter((_, i) => done[i]).map(({ placed }) => placed.id);
  }
}

/** A block alone says nothing of tokens, so any numbers will do where the policy has none. */
function withLimit(bucket: Bucket): Bucket {
  const { limit, shape } = bucket.placed.policy;
  if (limit !== undefined) return bucket;
  return { ...bucket, limit: { ...shape, capacity: 1, scale: { ticksPerToken: 1, ticksPerMicro: 1 } } };
}

/** Of buckets that miss equally many tokens, the one that is full later. */
const moreMissing = (a: BucketState, b: BucketState): number =>
  b.missing - a.missing || b.fullAfterMs - a.fullAfterMs;
