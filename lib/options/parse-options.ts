import type { Limit } from '../algorithms/limit.js';
import { checkFunction, checkInteger, checkKnownOptions, checkObject, checkOneOf } from '../common/checks.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';
import { byIp, type KeyResolver } from '../keys/index.js';
import type { RedisClient } from '../stores/redis/redis-client.js';
import type { OnStoreError, Store } from '../stores/store.interface.js';
import type { HeaderStyle, RateLimitModuleOptions, RedisConnectionOptions } from './module-options.js';
import { parseNewKeys } from './parse-new-keys.js';
import { parseRefusal } from './parse-refusal.js';
import { parseResilience } from './parse-resilience.js';
import { parseShadow } from './parse-shadow.js';
import { parseStore } from './parse-store.js';
import { Policy, type Shadow } from './policy.js';
import type { SkipPredicate } from './policy-options.js';
import type { RefusalOptions } from './refusal-options.js';

export type RedisOption =
  | { readonly kind: 'client'; readonly client: RedisClient }
  | { readonly kind: 'connect'; readonly to: string | RedisConnectionOptions };

/** The options of the module, checked and completed. */
export interface ParsedOptions {
  readonly redis: RedisOption | undefined;
  readonly store: Store | undefined;
  readonly prefix: string;
  readonly partitions: number | undefined;
  readonly crossSlot: boolean;
  readonly maxKeys: number;
  readonly newKeys: Limit | undefined;
  readonly key: KeyResolver;
  readonly policies: readonly Policy[];
  readonly global: readonly Policy[];
  readonly headers: HeaderStyle;
  readonly refusal: RefusalOptions;
  readonly storeTimeoutMs: number;
  readonly onStoreError: OnStoreError;
  readonly fallbackInstances: number;
  readonly refusalCacheMs: number;
  readonly sourceHeader: boolean;
  readonly drainMs: number;
  readonly fullest: boolean;
  readonly limitsRefreshMs: number;
  readonly skip: SkipPredicate | undefined;
  readonly shadow: Shadow;
}

const PLACE = 'RateLimitModule.forRoot';
const KNOWN = [
  'redis',
  'prefix',
  'partitions',
  'crossSlot',
  'memory',
  'newKeys',
  'store',
  'key',
  'policies',
  'global',
  'headers',
  'refusal',
  'drainMs',
  'fullest',
  'skip',
  'shadow',
  'limitsRefreshMs',
  'storeTimeoutMs',
  'onStoreError',
  'fallbackInstances',
  'refusalCacheMs',
  'sourceHeader',
];
// What follows the prefix is `:policy:{key}`; braces before it would move the hash tag.
const PREFIX = /^[^\s{}]{1,128}$/;

/** @throws RateLimitError with the code of what is wrong */
export function parseOptions(options: RateLimitModuleOptions | undefined): ParsedOptions {
  if (options === undefined) throw noOptions();
  checkObject(options, PLACE, '{} or { redis: process.env.REDIS_URL }');
  checkKnownOptions(options, KNOWN, PLACE);
  const { prefix = 'floodgate', memory = {}, key = byIp(), policies = [], global = [] } = options;
  const { headers = 'standard', refusal = {}, drainMs = 5000, fullest = true, skip } = options;
  const { limitsRefreshMs = 1000, sourceHeader = false, crossSlot = true } = options;
  // The time of a store of the user's own need not be that of this process.
  const { refusalCacheMs = options.store === undefined ? 1000 : 0 } = options;
  if (skip !== undefined)
    checkFunction(skip, `${PLACE}: skip`, "fromIps('10.0.0.0/8') or (context) => boolean");
  checkInteger(limitsRefreshMs, 0, 86_400_000, `${PLACE}: limitsRefreshMs`);
  checkInteger(refusalCacheMs, 0, 60_000, `${PLACE}: refusalCacheMs`);
  checkInteger(drainMs, 0, 2 ** 31 - 1, `${PLACE}: drainMs`);
  if (typeof prefix !== 'string' || !PREFIX.test(prefix)) {
    throw invalid('prefix', prefix, "1 to 128 characters without spaces and braces, as 'myapp'");
  }
  if (options.partitions !== undefined) checkInteger(options.partitions, 1, 16_384, `${PLACE}: partitions`);
  checkOneOf(crossSlot, [true, false], `${PLACE}: crossSlot`);
  checkObject(memory, `${PLACE}: memory`, '{ maxKeys: 100_000 }');
  checkKnownOptions(memory, ['maxKeys'], `${PLACE}: memory`);
  const { maxKeys = 100_000 } = memory;
  checkInteger(maxKeys, 1, 2 ** 24, `${PLACE}: memory.maxKeys`);
  checkFunction(key, `${PLACE}: key`, 'byIp() or (context) => …');
  checkOneOf(sourceHeader, [true, false], `${PLACE}: sourceHeader`);
  checkOneOf(fullest, [true, false], `${PLACE}: fullest`);
  checkOneOf(headers, ['standard', 'legacy', 'both', 'none'], `${PLACE}: headers`);
  checkPolicies('policies', policies);
  checkPolicies('global', global);
  return Object.freeze({
    redis: parseRedis(options.redis),
    store: parseStore(options, PLACE),
    prefix,
    partitions: options.partitions,
    crossSlot,
    maxKeys,
    newKeys: parseNewKeys(options.newKeys, PLACE),
    key,
    policies,
    global,
    headers,
    refusal: parseRefusal(refusal, `${PLACE}: refusal`),
    ...parseResilience(options, PLACE),
    refusalCacheMs,
    sourceHeader,
    drainMs,
    fullest,
    limitsRefreshMs,
    skip,
    shadow: parseShadow(options.shadow, PLACE) ?? false,
  });
}

function checkPolicies(option: string, policies: unknown): asserts policies is readonly Policy[] {
  const fix = 'a list of tokenBucket({ … }) and leakyBucket({ … })';
  if (!Array.isArray(policies)) throw invalid(option, policies, fix);
  [...policies].forEach((policy, i) => {
    if (!(policy instanceof Policy)) throw invalid(`${option}[${i}]`, policy, fix);
  });
}

function parseRedis(redis: RateLimitModuleOptions['redis']): RedisOption | undefined {
  if (redis === undefined) return undefined;
  if (typeof redis === 'string' && redis !== '') return { kind: 'connect', to: redis };
  if (typeof redis !== 'object' || redis === null || Array.isArray(redis)) {
    throw invalid('redis', redis, "a URL as 'redis://localhost:6379', the options of ioredis, or a client");
  }
  return isClient(redis)
    ? { kind: 'client', client: redis }
    : { kind: 'connect', to: redis as RedisConnectionOptions };
}

const noOptions = (): RateLimitError =>
  new RateLimitError(
    'MISSING_FOR_ROOT',
    `RateLimitModule: its options are undefined; import RateLimitModule.forRoot() in the root module, not the class itself, and return options from the factory of forRootAsync. Other modules import nothing`,
  );

const isClient = (redis: object): redis is RedisClient =>
  typeof (redis as Partial<RedisClient>).defineCommand === 'function';

const invalid = (option: string, value: unknown, fix: string): RateLimitError =>
  new RateLimitError('INVALID_OPTION', `${PLACE}: ${option} is ${show(value)}; write ${fix}`);
