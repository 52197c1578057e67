import type { Limits } from '../options/limits.js';
import type { Policy } from '../options/policy.js';
import type { ConsumeOptions } from './charge-reader.js';
import type { Decision } from './decision.js';
import type { LimitsInForce } from './live-limits.js';
import type { RateLimiterService } from './rate-limiter.service.js';
import type { Reservation, SettledReservation, Settlement } from './reservation.js';
import type { AcquireOptions, BlockOptions, ReserveOptions, ScheduleOptions } from './service-options.js';
import type { SyncReport } from './sync-report.js';
import type { WorkProgress } from './waiting/background-work.js';

/**
 * The service with its policy filled in: `@InjectRateLimiter(chat) private readonly chat: BoundRateLimiter`, in a module
 * that imports `RateLimitModule.forFeature(chat)`. Each method is that of `RateLimiterService`.
 */
export class BoundRateLimiter {
  constructor(
    private readonly service: RateLimiterService,
    private readonly policy: Policy | string,
  ) {}

  consume(key: string, options?: ConsumeOptions): Promise<Decision> {
    return this.service.consume(this.policy, key, options);
  }

  peek(key: string, options?: ConsumeOptions): Promise<Decision> {
    return this.service.peek(this.policy, key, options);
  }

  acquire(key: string, options?: AcquireOptions): Promise<Decision> {
    return this.service.acquire(this.policy, key, options);
  }

  run<T>(key: string, task: (decision: Decision) => T | Promise<T>, options?: AcquireOptions): Promise<T> {
    return this.service.run(this.policy, key, task, options);
  }

  schedule(key: string, task: () => unknown, options?: ScheduleOptions): Promise<Decision> {
    return this.service.schedule(this.policy, key, task, options);
  }

  progress(key: string): WorkProgress {
    return this.service.progress(this.policy, key);
  }

  refund(key: string, cost: number): Promise<boolean> {
    return this.service.refund(this.policy, key, cost);
  }

  reserve(key: string, options?: ReserveOptions): Promise<Reservation> {
    return this.service.reserve(this.policy, key, options);
  }

  /** The reservation says its policy itself. */
  settle(reservation: SettledReservation, actual: number): Promise<Settlement> {
    return this.service.settle(reservation, actual);
  }

  sync(key: string, report: SyncReport): Promise<Decision> {
    return this.service.sync(this.policy, key, report);
  }

  block(key: string, options?: BlockOptions): Promise<Decision> {
    return this.service.block(this.policy, key, options);
  }

  unblock(key: string): Promise<boolean> {
    return this.service.unblock(this.policy, key);
  }

  setLimits(limits: Limits): Promise<void> {
    return this.service.setLimits(this.policy, limits);
  }

  clearLimits(): Promise<boolean> {
    return this.service.clearLimits(this.policy);
  }

  limitsOf(): Promise<LimitsInForce> {
    return this.service.limitsOf(this.policy);
  }

  reset(key: string): Promise<boolean> {
    return this.service.reset(this.policy, key);
  }
}
