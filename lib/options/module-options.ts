import type { KeyResolver } from '../keys/index.js';
import type { RedisClient } from '../stores/redis/redis-client.js';
import type { OnStoreError, Store } from '../stores/store.interface.js';
import type { Limits } from './limits.js';
import type { Policy } from './policy.js';
import type { ShadowOptions, SkipPredicate } from './policy-options.js';
import type { RefusalOptions } from './refusal-options.js';

/**
 * Which headers a response tells its limits with: `standard` is `RateLimit` and `RateLimit-Policy`
 * (draft-ietf-httpapi-ratelimit-headers-11), `legacy` is `X-RateLimit-Limit`, `-Remaining` and `-Reset` (seconds from
 * now) of the tightest limit.
 */
export type HeaderStyle = 'standard' | 'legacy' | 'both' | 'none';

/**
 * Options of an ioredis client that this package opens: passed on as they are. A value of the type `RedisOptions`
 * of either version is no `Record`, for an interface has no index signature; it is told by its host and port.
 */
export type RedisConnectionOptions =
  | Readonly<Record<string, unknown>>
  | { readonly host?: string; readonly port?: number };

export interface MemoryOptions {
  /** The most buckets that are kept, by default 100,000. */
  maxKeys?: number;
}

export interface RateLimitModuleOptions {
  /**
   * Where the buckets live: a URL, the options of an ioredis client, or a client (`Redis` or `Cluster`) of your own,
   * which is used as it is and never closed. Without it they live in this process, and the boot log says so.
   */
  redis?: string | RedisConnectionOptions | RedisClient;
  /** A store of your own instead, as `nestjs-floodgate/store` describes it: used as it is and never closed. */
  store?: Store;
  /**
   * What every Redis key begins with, by default `floodgate`: 1 to 128 characters without spaces and braces. Two
   * services with one prefix share the buckets of routes that have the same `Controller.method`.
   */
  prefix?: string;
  /**
   * Into how many slots of a Redis Cluster the buckets are put, from 1 to 16,384: then those of many keys are decided with one
   * call. By default each key has a slot of its own. Another number makes other buckets, all of them full.
   */
  partitions?: number;
  /**
   * Whether a master of a Cluster is asked about many of its slots with one call, by default `true`. `false`: a call for each
   * slot, where scripts are to have keys of one slot only.
   */
  crossSlot?: boolean;
  /** The embedded store: where neither `redis` nor `store` is set, and where they cannot be asked. */
  memory?: MemoryOptions;
  /**
   * How many keys of each policy may get a bucket that this process has not met lately: `capacity` at once, and then
   * `rate`. Beyond it a request with such a key is refused, and the store is not asked. By default as many as come.
   */
  newKeys?: Limits;
  /** Who is limited where a policy does not say it; by default `byIp()`. */
  key?: KeyResolver;
  /** Named policies, for `@RateLimit('name')` and the service. */
  policies?: readonly Policy[];
  /** Policies of every route, beside those of its decorators. */
  global?: readonly Policy[];
  /** Which requests no policy limits: `fromIps('10.0.0.0/8')`, or a function. */
  skip?: SkipPredicate;
  /**
   * `true`: all policies are evaluated and recorded, and none is enforced. What a policy says itself comes first. By
   * default all are enforced.
   */
  shadow?: boolean | ShadowOptions;
  /**
   * Whether to remember in Redis which keys have used the most, for `RateLimitAdmin.fullest`; by default true. It costs a
   * script call a second and policy, and no decision waits for it.
   */
  fullest?: boolean;
  /**
   * How old the limits may be that a decision is made by, where `setLimits` changes them: in milliseconds, by default 1,000;
   * 0 asks the store before each decision.
   */
  limitsRefreshMs?: number;
  /**
   * How long a decision waits for Redis or for a store of your own, in milliseconds: 1 to 60,000, by default 100. Then it
   * is made as `onStoreError` says, and the store is not asked again until it answers.
   */
  storeTimeoutMs?: number;
  /**
   * What a decision comes to where the store cannot be asked: `memory` decides by a bucket of this process with the same
   * limits, `allow` lets everything pass, `deny` refuses (503). By default `memory`; a policy may say its own.
   */
  onStoreError?: OnStoreError;
  /**
   * By how many the limits are divided where this process decides instead of the store: as many as there are instances, and
   * together they admit no more than the policy says. By default 1: each instance admits all of it.
   */
  fallbackInstances?: number;
  /**
   * How long a refusal of the store is believed, in milliseconds: 0 to 60,000. Whoever it would refuse as well is refused
   * here meanwhile, without asking. So what other instances give back, reset or raise counts here after that time at the
   * latest; 0 asks always. By default 1,000 on Redis, and 0 with a store of your own.
   */
  refusalCacheMs?: number;
  /** Whether responses say in `X-RateLimit-Source` who has decided: as `source` of the decision. By default false. */
  sourceHeader?: boolean;
  /** How long a shutdown waits for what `schedule` has still to do, in milliseconds; by default 5,000. */
  drainMs?: number;
  /** By default `standard`: `RateLimit` and `RateLimit-Policy`. */
  headers?: HeaderStyle;
  /** What a refusal says, or which exception it is. */
  refusal?: RefusalOptions;
}

/** For `forRootAsync({ useClass })` and `useExisting`. */
export interface RateLimitOptionsFactory {
  createRateLimitOptions(): Promise<RateLimitModuleOptions> | RateLimitModuleOptions;
}
