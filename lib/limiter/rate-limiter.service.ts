import { Inject, Injectable } from '@nestjs/common';
import { isPromise } from '../common/awaitable.js';
import { checkFunction } from '../common/checks.js';
import type { Limits } from '../options/limits.js';
import { checkCost, checkWait } from '../options/parse-policy.js';
import { checkReservationTtl } from '../options/parse-settling.js';
import { Policy } from '../options/policy.js';
import { bucketKey } from './bucket-key.js';
import { CallerWaits } from './caller-waits.js';
import { ChargeReader, type ConsumeOptions, type ConsumeRequest } from './charge-reader.js';
import type { CombinedDecision, Decision } from './decision.js';
import { combinedDecisionOf, decisionOf } from './judgement.js';
import { Limiter } from './limiter.js';
import type { LimitsInForce } from './live-limits.js';
import { logFailure } from './log-failure.js';
import { orderAny, type PickDecision, type PickOptions, pickOf } from './pick.js';
import { PolicyRegistry } from './policy-registry.js';
import {
  checkReservation,
  newHold,
  type Reservation,
  type SettledReservation,
  type Settlement,
} from './reservation.js';
import {
  type AcquireAnyOptions,
  type AcquireOptions,
  type BlockOptions,
  checkOptions,
  checkPreference,
  type ReserveOptions,
  type ScheduleOptions,
} from './service-options.js';
import type { ShadowCount } from './shadow-counts.js';
import { readSyncReport, type SyncReport } from './sync-report.js';
import { BackgroundWork, type WorkProgress } from './waiting/background-work.js';
import { Places } from './waiting/places.js';
import { Turns } from './waiting/turns.js';

/** What callers take is counted, for reports of how much is left. */
const COUNTED = { counted: true };
const NOT_COUNTED = { counted: false };

/**
 * Everything the guard can do, without HTTP. Wherever a policy is expected, a named policy or its name will do.
 * Named policies are known from their first use on and stay as they are: one for each tenant, say, is one policy with
 * the tenant as key. A refusal is a value; what is rejected is misuse (`RateLimitError`: `UNKNOWN_POLICY`,
 * `POLICY_NEEDS_NAME`, `POLICY_CONFLICT`, `DUPLICATE_SCOPE`, `INVALID_KEY`, `INVALID_COST`, `INVALID_OPTION`,
 * `UNKNOWN_OPTION`) or a failure of the store.
 */
@Injectable()
export class RateLimiterService {
  private readonly read: ChargeReader;
  private readonly places: Places;
  private readonly waits: CallerWaits;

  constructor(
    @Inject(Limiter) private readonly limiter: Limiter,
    @Inject(PolicyRegistry) private readonly registry: PolicyRegistry,
    @Inject(Turns) turns: Turns,
    @Inject(BackgroundWork) private readonly background: BackgroundWork,
  ) {
    this.read = new ChargeReader(registry);
    this.places = new Places(limiter, turns);
    this.waits = new CallerWaits(this.read, this.places);
  }

  /** One decision. Never waits: a leaky bucket reserves a slot and says in `delayMs` when it comes. */
  consume(policy: Policy | string, key: string, options?: ConsumeOptions): Promise<Decision> {
    // No async function: what is decided at once should cost one promise, and what is not, no more than it has to.
    try {
      const charge = this.read.charge('consume', policy, key, options);
      const terms = this.limiter.isReported(charge) ? COUNTED : NOT_COUNTED;
      const decision = this.limiter.decideOne(charge, terms, decisionOf);
      return isPromise(decision) ? decision : Promise.resolve(decision);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** All or nothing, in one round trip: if one limit refuses, none is charged. */
  consumeAll(requests: readonly ConsumeRequest[]): Promise<CombinedDecision> {
    try {
      const charges = this.read.charges('consumeAll', requests);
      const terms = charges.some((charge) => this.limiter.isReported(charge)) ? COUNTED : NOT_COUNTED;
      const decision = this.limiter.decideAll(charges, terms, combinedDecisionOf);
      return isPromise(decision) ? decision : Promise.resolve(decision);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Takes from one of several buckets, in one round trip: of those that admit it the one with the most tokens left. On a
   * Redis Cluster the requests must have the same key.
   */
  async consumeAny(requests: readonly ConsumeRequest[], options: PickOptions = {}): Promise<PickDecision> {
    const charges = this.read.choices('consumeAny', requests);
    checkOptions(options, ['prefer'], 'RateLimiterService.consumeAny');
    checkPreference(options.prefer, charges.length, 'RateLimiterService.consumeAny');
    return pickOf(await this.limiter.decide(charges, { counted: true, pick: options }));
  }

  /** What `consume` would answer, with nothing taken. */
  async peek(policy: Policy | string, key: string, options?: ConsumeOptions): Promise<Decision> {
    const charges = [this.read.charge('peek', policy, key, options)];
    return decisionOf(await this.limiter.decide(charges, { peek: true }));
  }

  /**
   * Waits for its turn: at a token bucket until its tokens are there, first come, first served, at a leaky bucket until
   * its slot. The place is taken with one call of the store; meanwhile `consume` is refused at a token bucket.
   * @throws RateLimitExceededError where the turn never comes: at once, with nothing taken
   * @throws the signal's reason when it is aborted, and RateLimitError `SHUTTING_DOWN`: the place is given back, if it is
   * still the last one
   */
  acquire(policy: Policy | string, key: string, options: AcquireOptions = {}): Promise<Decision> {
    return this.waits.enter('acquire', ['cost', 'limits'], options, (rest: ConsumeOptions) =>
      this.waits.orderOne(this.read.charge('acquire', policy, key, rest)),
    );
  }

  /**
   * Waits for its turn at one of several buckets: where it comes first, and of those where it comes at once, the one with
   * the most tokens left. On a Redis Cluster the requests must have the same key.
   * @throws what `acquire` throws
   */
  acquireAny(requests: readonly ConsumeRequest[], options: AcquireAnyOptions = {}): Promise<PickDecision> {
    return this.waits.enter('acquireAny', ['prefer'], options, (pick: PickOptions) => {
      const charges = this.read.choices('acquireAny', requests);
      checkPreference(pick.prefer, charges.length, 'RateLimiterService.acquireAny');
      return orderAny(charges, pick);
    });
  }

  /** Calls a function with the decision when its turn has come. If it never comes, the function is not called. */
  async run<T>(
    policy: Policy | string,
    key: string,
    task: (decision: Decision) => T | Promise<T>,
    options: AcquireOptions = {},
  ): Promise<T> {
    checkFunction(task, 'RateLimiterService.run: task', '() => send(message)');
    return task(await this.acquire(policy, key, options));
  }

  /**
   * Takes a place now, and calls a function when its turn has come, with nobody waiting for it: for work that is answered
   * with 202. The tasks live in this process: a crash loses those that have not run, and a shutdown waits for them as long
   * as `drainMs` of the module says.
   * @returns the decision as soon as the place is taken; `delayMs` says when the turn comes
   * @throws RateLimitExceededError where there is no place: at once, with nothing taken
   */
  async schedule(
    policy: Policy | string,
    key: string,
    task: () => unknown,
    options: ScheduleOptions = {},
  ): Promise<Decision> {
    checkOptions(options, ['cost', 'limits', 'maxWaitMs', 'onError'], 'RateLimiterService.schedule');
    const { onError = logFailure, ...request } = options;
    checkFunction(task, 'RateLimiterService.schedule: task', '() => send(message)');
    checkFunction(onError, 'RateLimiterService.schedule: onError', '(error) => …');
    this.background.assertOpen();
    const { maxWaitMs, ...rest } = request;
    if (maxWaitMs !== undefined) checkWait(maxWaitMs, 'RateLimiterService.schedule: maxWaitMs');
    const charge = this.read.charge('schedule', policy, key, rest);
    const place = await this.places.reserve(this.waits.orderOne(charge), maxWaitMs);
    this.background.start(bucketKey(charge.placed.id, key), place, task, onError);
    return place.value;
  }

  /** What this process still has to do of what was scheduled for a policy and key. */
  progress(policy: Policy | string, key: string): WorkProgress {
    const { placed } = this.read.bucket('progress', policy, key);
    return this.background.progress(bucketKey(placed.id, key));
  }

  /**
   * Gives tokens back, never beyond full. On a leaky bucket that makes requests wait nothing is given back, for places
   * already promised do not move.
   * @returns whether anything was given back
   */
  async refund(policy: Policy | string, key: string, cost: number): Promise<boolean> {
    const bucket = this.read.bucket('refund', policy, key);
    checkCost(cost, 'RateLimiterService.refund');
    return this.limiter.refund({ ...bucket, cost });
  }

  /**
   * Takes an estimate of a cost that is known only afterwards: one decision, as `consume`. Then tell `settle` the actual
   * cost. What is not settled in time stays taken as estimated.
   */
  async reserve(policy: Policy | string, key: string, options: ReserveOptions = {}): Promise<Reservation> {
    checkOptions(options, ['cost', 'limits', 'ttlMs'], 'RateLimiterService.reserve');
    const { ttlMs, ...rest } = options;
    if (ttlMs !== undefined) checkReservationTtl(ttlMs, 'RateLimiterService.reserve: ttlMs');
    const charge = this.read.charge('reserve', policy, key, rest);
    const reserve = newHold(ttlMs ?? charge.placed.policy.reservationTtlMs);
    const judgement = await this.limiter.decide([{ ...charge, reserve }], { counted: true });
    const decision = decisionOf(judgement);
    const { allowed, shadow } = decision;
    const id = allowed && shadow !== 'refused' ? reserve.id : undefined;
    return { allowed, decision, policy: decision.policy, key, cost: charge.cost, id };
  }

  /**
   * Tells the actual cost of a reservation, in tokens. Counts once, whoever calls, until its time is over: what it has cost
   * more is charged, past the capacity too, as far as the policy's `maxDebt`; what it has cost less is given back, as far
   * as it has not drained since, and not where `refund` would give nothing back.
   */
  async settle(reservation: SettledReservation, actual: number): Promise<Settlement> {
    checkReservation(reservation, 'RateLimiterService.settle');
    const { policy, key, id } = reservation;
    const bucket = this.read.bucket('settle', policy, key);
    checkCost(actual, 'RateLimiterService.settle');
    return id === undefined ? { settled: false, charged: 0 } : this.limiter.settle(bucket, id, actual);
  }

  /**
   * Notes what the other side of an outbound limit has said, for all instances: what is left there, and how long to wait.
   * The report of a request newer than all that were reported before is believed. A late one, or one without its
   * decision, may only take tokens away. A wait blocks the bucket: nothing starts before its end, and who waits for an
   * earlier start takes a new place. Where the report says nothing, nothing changes.
   * @returns what `peek` answers afterwards
   */
  async sync(policy: Policy | string, key: string, report: SyncReport): Promise<Decision> {
    const bucket = this.read.limited('sync', policy, key, report?.limits);
    const read = readSyncReport(report, bucket, 'RateLimiterService.sync');
    return (await this.limiter.sync(bucket, read)).decision;
  }

  /** Lets nothing start in this bucket, for all instances: for a time, or until `unblock`. An earlier end changes nothing. */
  async block(policy: Policy | string, key: string, options: BlockOptions = {}): Promise<Decision> {
    // A misspelt option would block for good.
    checkOptions(options, ['forMs', 'limits'], 'RateLimiterService.block');
    const { forMs, limits } = options;
    const bucket = this.read.limited('block', policy, key, limits);
    if (forMs !== undefined) checkWait(forMs, 'RateLimiterService.block: forMs');
    const report = forMs === undefined ? { forever: true } : { retryAfterMs: forMs };
    return (await this.limiter.sync(bucket, report)).decision;
  }

  /**
   * Ends the block of a bucket, whoever has set it.
   * @returns whether there was one
   */
  async unblock(policy: Policy | string, key: string): Promise<boolean> {
    return this.limiter.unblock(this.read.bucket('unblock', policy, key));
  }

  /**
   * Forgets the bucket: it is full again, and not blocked.
   * @returns whether there was one
   */
  async reset(policy: Policy | string, key: string): Promise<boolean> {
    return this.limiter.reset(this.read.bucket('reset', policy, key));
  }

  /**
   * Changes the limits of a named policy, for all instances, and for good: until `clearLimits`, also after a restart. They
   * count within `limitsRefreshMs` of the module, here at once. What was taken stays taken.
   * @throws RateLimitError `LIMITS_NOT_FIXED` where the policy has `limits`, and what is wrong with a capacity or rate
   */
  async setLimits(policy: Policy | string, limits: Limits): Promise<void> {
    const place = 'RateLimiterService.setLimits';
    return this.limiter.live.set(this.registry.find(policy, place), limits, place);
  }

  /**
   * Returns to the limits that the policy declares, for all instances.
   * @returns whether others had been set
   */
  async clearLimits(policy: Policy | string): Promise<boolean> {
    const place = 'RateLimiterService.clearLimits';
    return this.limiter.live.clear(this.registry.find(policy, place), place);
  }

  /** The limits that this process decides by now, as they were written; `live`: they were set at run time. */
  async limitsOf(policy: Policy | string): Promise<LimitsInForce> {
    const place = 'RateLimiterService.limitsOf';
    return this.limiter.live.of(this.registry.find(policy, place), place);
  }

  /** How often each policy in shadow mode was evaluated, and would have refused: by this process, since its start. */
  shadowReport(): ShadowCount[] {
    return this.limiter.shadows.report();
  }

  /**
   * Makes a policy known by its value. A name may still be defined by a decorator, and is checked when the application is
   * complete.
   * @internal
   */
  announce(policy: Policy | string, place: string): void {
    if (policy instanceof Policy) this.registry.define(policy, place);
    else this.registry.expect(policy, place);
  }
}
