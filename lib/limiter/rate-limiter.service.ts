import { Inject, Injectable, Logger } from '@nestjs/common';
import { checkFunction, checkKnownOptions, checkObject } from '../common/checks.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';
import { checkCost, checkWait } from '../options/parse-policy.js';
import type { Policy } from '../options/policy.js';
import { BackgroundWork, type WorkProgress } from './background-work.js';
import { bucketKey } from './bucket-key.js';
import { type CombinedDecision, type Decision, tightest } from './decision.js';
import { type Charge, type Judgement, Limiter } from './limiter.js';
import type { PlacedPolicy } from './placed-policy.js';
import { PolicyRegistry } from './policy-registry.js';
import { RateLimitExceededError } from './rate-limit-exceeded.error.js';
import { type Place, Turns } from './turns.js';
import type { Resolve } from './waiting-room.js';
import { watchSignal } from './watch-signal.js';

export interface ConsumeOptions {
  /** Tokens to take: an integer of at least 0; 0 asks without taking. By default the policy's `cost`, if it is a number, else 1. */
  cost?: number;
}

export interface AcquireOptions extends ConsumeOptions {
  /**
   * Refuse at once what would wait longer: whole milliseconds. By default, at a token bucket the time to fill all of it
   * (`capacity ÷ rate`), at a leaky bucket what the policy says; there it can only be shortened.
   */
  maxWaitMs?: number;
  /** Ends the wait when it is aborted. */
  signal?: AbortSignal;
}

export interface ScheduleOptions extends Omit<AcquireOptions, 'signal'> {
  /** Told what a task throws, or that its turn will not come any more. By default it is logged. */
  onError?: (error: unknown) => void;
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
    @Inject(Turns) private readonly turns: Turns,
    @Inject(BackgroundWork) private readonly background: BackgroundWork,
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
   * Waits for its turn: at a token bucket until its tokens are there, first come, first served, at a leaky bucket until
   * its slot. The place is taken with one call of the store; meanwhile `consume` is refused at a token bucket.
   * @throws RateLimitExceededError where the turn never comes: at once, with nothing taken
   * @throws the signal's reason when it is aborted, and RateLimitError `SHUTTING_DOWN`: the place is given back, if it is
   * still the last one
   */
  acquire(policy: Policy | string, key: string, options: AcquireOptions = {}): Promise<Decision> {
    // While it waits, only the promise that the caller gets is kept: an async function would keep its frame and another.
    return new Promise((resolve, reject) => {
      this.enterLine(policy, key, options, resolve).catch(reject);
    });
  }

  /** Calls a function when its turn has come: `acquire`, then the function. If it never comes, it is not called. */
  async run<T>(
    policy: Policy | string,
    key: string,
    task: () => T | Promise<T>,
    options: AcquireOptions = {},
  ): Promise<T> {
    checkFunction(task, 'RateLimiterService.run: task', '() => send(message)');
    await this.acquire(policy, key, options);
    return task();
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
    checkOptions(options, ['cost', 'maxWaitMs', 'onError'], 'RateLimiterService.schedule');
    const { onError = logFailure, ...request } = options;
    checkFunction(task, 'RateLimiterService.schedule: task', '() => send(message)');
    checkFunction(onError, 'RateLimiterService.schedule: onError', '(error) => …');
    this.background.assertOpen();
    const { decision, place } = await this.reserve('schedule', policy, key, request);
    this.background.start(bucketKey(decision.policy, key), place, task, onError);
    return decision;
  }

  /** What this process still has to do of what was scheduled for a policy and key. */
  progress(policy: Policy | string, key: string): WorkProgress {
    const { placed } = this.charge('progress', policy, key, {});
    return this.background.progress(bucketKey(placed.id, key));
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

  /** Takes a place and lets the caller wait for it. Resolves as soon as it waits. */
  private async enterLine(
    policy: Policy | string,
    key: string,
    options: AcquireOptions,
    resolve: Resolve<Decision>,
  ): Promise<void> {
    checkOptions(options, ['cost', 'maxWaitMs', 'signal'], 'RateLimiterService.acquire');
    const { signal, ...request } = options;
    checkSignal(signal, 'RateLimiterService.acquire');
    const { decision, place } = await this.reserve('acquire', policy, key, request, signal);
    if (signal?.aborted) {
      // Aborted while the store was asked: the turn may have come, but nothing has started.
      this.turns.leave(place);
      throw signal.reason;
    }
    this.turns.settle(resolve, place, decision, signal && watchSignal(signal));
  }

  /** A place in the line, taken with one call of the store. */
  private async reserve(
    method: string,
    policy: Policy | string,
    key: string,
    options: Omit<AcquireOptions, 'signal'>,
    signal?: AbortSignal,
  ): Promise<{ decision: Decision; place: Place }> {
    const { maxWaitMs, ...cost } = options;
    if (maxWaitMs !== undefined) checkWait(maxWaitMs, `RateLimiterService.${method}: maxWaitMs`);
    const charge = this.charge(method, policy, key, cost);
    signal?.throwIfAborted();
    const patience = maxWaitMs === undefined ? {} : { maxWaitMicros: maxWaitMs * 1000 };
    const judgement = await this.limiter.decide([{ ...charge, patience }]);
    const decision = only(judgement);
    if (!judgement.admitted) throw new RateLimitExceededError([decision]);
    const { decidedAt, waitMs, changes } = judgement;
    return { decision, place: { startAt: decidedAt + waitMs, changes } };
  }

  private charge(method: string, policy: Policy | string, key: string, options: ConsumeOptions): Charge {
    const place = `RateLimiterService.${method}`;
    checkOptions(options, ['cost'], place);
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

function checkOptions(options: object, known: readonly string[], place: string): void {
  checkObject(options, place, '{ cost: 2 }');
  checkKnownOptions(options, known, place);
}

function checkSignal(signal: unknown, place: string): void {
  if (signal === undefined || signal instanceof AbortSignal) return;
  throw new RateLimitError('INVALID_OPTION', `${place}: signal is ${show(signal)}; write an AbortSignal`);
}

const logFailure = (error: unknown): void =>
  new Logger('RateLimiterService').error(error instanceof Error ? (error.stack ?? error.message) : error);
