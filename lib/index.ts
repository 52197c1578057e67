export type { BlockTime } from './admin/block-time.js';
export type { ExplainedPolicy, ExplainedRoute, Explanation } from './admin/explanation.js';
export { type FullestOptions, RateLimitAdmin } from './admin/rate-limit-admin.service.js';
export { InjectRateLimiter } from './decorators/inject-rate-limiter.decorator.js';
export { LeakyBucket } from './decorators/leaky-bucket.decorator.js';
export { RateLimit } from './decorators/rate-limit.decorator.js';
export { RateLimitDecision } from './decorators/rate-limit-decision.decorator.js';
export { SkipRateLimit } from './decorators/skip-rate-limit.decorator.js';
export { TokenBucket } from './decorators/token-bucket.decorator.js';
export { errorCodes, type RateLimitErrorCode } from './errors/codes.js';
export { RateLimitError } from './errors/rate-limit.error.js';
export { RateLimitGuard } from './guard/rate-limit.guard.js';
export { RateLimitInterceptor } from './guard/rate-limit.interceptor.js';
export {
  addressKey,
  type ByIpOptions,
  type ByUserOptions,
  byAll,
  byGlobal,
  byHeader,
  byIp,
  byParam,
  byRoute,
  byUser,
  fromIps,
  type KeyResolver,
} from './keys/index.js';
export { BoundRateLimiter } from './limiter/bound-rate-limiter.js';
export type { BucketState } from './limiter/bucket-state.js';
export type { ConsumeOptions, ConsumeRequest } from './limiter/charge-reader.js';
export type { CombinedDecision, Decision } from './limiter/decision.js';
export type { LimitsInForce } from './limiter/live-limits.js';
export type { PickDecision, PickOptions } from './limiter/pick.js';
export { RateLimitExceededError } from './limiter/rate-limit-exceeded.error.js';
export { RateLimiterService } from './limiter/rate-limiter.service.js';
export type {
  Reservation,
  SettledReservation,
  Settlement,
} from './limiter/reservation.js';
export type {
  AcquireAnyOptions,
  AcquireOptions,
  BlockOptions,
  ReserveOptions,
  ScheduleOptions,
} from './limiter/service-options.js';
export type { ShadowCount } from './limiter/shadow-counts.js';
export type { SyncReport } from './limiter/sync-report.js';
export type { WorkProgress } from './limiter/waiting/background-work.js';
export type { DecisionMessage } from './observability/decision-channel.js';
export {
  RateLimitHealthIndicator,
  type RateLimitHealthOptions,
  type RateLimitHealthResult,
} from './observability/rate-limit-health.indicator.js';
export type { ShadowMessage } from './observability/shadow-channel.js';
export type { Limits, LimitsFunction, LimitsResolver, Rate } from './options/limits.js';
export { leakyBucket, tokenBucket } from './options/make-policy.js';
export type {
  HeaderStyle,
  MemoryOptions,
  RateLimitModuleOptions,
  RateLimitOptionsFactory,
  RedisConnectionOptions,
} from './options/module-options.js';
export type { Policy } from './options/policy.js';
export type {
  CostResolver,
  HandlerOutcome,
  LeakyBucketOptions,
  LeaseOptions,
  PolicyOptions,
  SettleResolver,
  ShadowOptions,
  SkipPredicate,
  Stage,
  TokenBucketOptions,
} from './options/policy-options.js';
export type {
  Refusal,
  RefusalException,
  RefusalOptions,
  RefusalTexts,
} from './options/refusal-options.js';
export {
  type AcquireCredentialOptions,
  type CredentialDecision,
  CredentialPool,
  type CredentialStatus,
  type TakenCredential,
  type TakeOptions,
} from './outbound/pool/credential-pool.js';
export type { Credential, CredentialPoolOptions } from './outbound/pool/pool-options.js';
export {
  type HeaderSource,
  type OpenAiReportOptions,
  type ProviderReport,
  type ProviderResponse,
  type ReportReader,
  readGitHub,
  readOpenAi,
  readRateLimitFields,
  readReport,
  readRetryAfter,
  readShopify,
  readXRateLimit,
} from './outbound/reports/index.js';
export { RateLimitModule } from './rate-limit.module.js';
export {
  type OpenNode,
  type StoreChange,
  type StoreChangeListener,
  StoreHealth,
} from './resilience/store-health.js';
export type { RedisClient } from './stores/redis/redis-client.js';
export type { OnStoreError } from './stores/store.interface.js';
export type { ProblemDetails } from './transport/http/problem-details.js';
export { RateLimitExceededException } from './transport/http/rate-limit-exceeded.exception.js';
export type { RateLimitModuleExtras } from './wiring/module-definition.js';
