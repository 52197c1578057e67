import type { Limit } from '../algorithms/limit.js';
import { checkFunction, checkInteger, checkKnownOptions, checkObject, checkOneOf } from '../common/checks.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';
import { type LimitsSource, parseLimits, type Shape } from './limits.js';
import { parseLease } from './parse-lease.js';
import { parseSettling } from './parse-settling.js';
import { parseShadow } from './parse-shadow.js';
import { Policy } from './policy.js';
import type { LeakyBucketOptions, PolicyOptions } from './policy-options.js';

const COMMON = [
  ...['name', 'capacity', 'rate', 'key', 'cost', 'stage', 'limits', 'limitsTtlMs', 'skip', 'allow'],
  ...['settle', 'maxDebt', 'reservationTtlMs', 'shadow', 'onStoreError', 'lease'],
];
const KNOWN = { 'token-bucket': COMMON, 'leaky-bucket': [...COMMON, 'maxWaitMs', 'shape'] };
/** What a decision may come to where the store cannot be asked. */
export const ON_STORE_ERROR = ['memory', 'allow', 'deny'] as const;
const NAME = /^[!#-&(-9;-_a-z|~]{1,128}$/;
/** A day: longer, and a changed plan seems to be without effect. */
const MAX_TTL_MS = 86_400_000;

/**
 * Checks and freezes the options of a policy. `place` names them in an error: `Cats.find: @TokenBucket`.
 * @throws RateLimitError with the code of what is wrong
 */
export function parsePolicy(algorithm: Limit['algorithm'], options: PolicyOptions, place: string): Policy {
  checkObject(options, place, '{ capacity: 10, rate: 5 }');
  checkKnownOptions(options, KNOWN[algorithm], place);
  const { name, capacity, rate, key, cost = 1, stage, maxWaitMs, shape } = options as LeakyBucketOptions;
  const { skip, allow = [], shadow, onStoreError } = options;
  const { limits, limitsTtlMs } = options as { limits?: LimitsSource; limitsTtlMs?: number };
  if (name !== undefined) checkName(name, place);
  if (limits !== undefined) checkLimits(options, place);
  else if (limitsTtlMs !== undefined) throw ttlWithoutLimits(limitsTtlMs, place);
  if (limitsTtlMs !== undefined) checkInteger(limitsTtlMs, 0, MAX_TTL_MS, `${place}: limitsTtlMs`);
  if (maxWaitMs !== undefined) checkMaxWait(maxWaitMs, shape, place);
  const shapes = algorithm === 'leaky-bucket' && shape !== false;
  const lease = parseLease(options, shapes, place);
  const shaping: Shape = {
    algorithm,
    shapes,
    ...(lease === undefined ? {} : { lease }),
    ...(maxWaitMs === undefined ? {} : { maxWaitMicros: maxWaitMs * 1000 }),
  };
  const limit = limits === undefined ? parseLimits({ capacity, rate } as never, shaping, place) : undefined;
  if (key !== undefined) checkFunction(key, `${place}: key`, "byIp() or (context) => 'text'");
  if (stage !== undefined) checkOneOf(stage, ['guard', 'handler'], `${place}: stage`);
  if (shape !== undefined) checkOneOf(shape, [true, false], `${place}: shape`);
  if (skip !== undefined)
    checkFunction(skip, `${place}: skip`, "fromIps('10.0.0.0/8') or (context) => boolean");
  checkAllow(allow, place);
  if (onStoreError !== undefined) checkOneOf(onStoreError, ON_STORE_ERROR, `${place}: onStoreError`);
  if (typeof cost !== 'function') checkStaticCost(cost, limit?.capacity, place);
  return new Policy({
    ...parseSettling(options, place),
    name,
    rate,
    key,
    cost,
    stage,
    maxWaitMs,
    limits,
    limitsTtlMs: limitsTtlMs ?? 0,
    skip,
    allow: new Set(allow),
    onStoreError,
    shadow: parseShadow(shadow, place),
    shape: shaping,
    limit,
  });
}

/** Limits are fixed or asked for, not both. */
function checkLimits({ limits, capacity, rate }: PolicyOptions, place: string): void {
  checkFunction(
    limits,
    `${place}: limits`,
    '(context, key) => ({ capacity: 10, rate: 5 }), or a class with limitsFor',
  );
  const [option, value] = capacity === undefined ? ['rate', rate] : ['capacity', capacity];
  if (value === undefined) return;
  throw new RateLimitError(
    'INVALID_OPTION',
    `${place}: ${option} is ${show(value)} beside limits, which says it for each request; leave one of the two out`,
  );
}

function checkAllow(allow: unknown, place: string): void {
  const isList = Array.isArray(allow) && [...allow].every((key) => typeof key === 'string');
  if (isList) return;
  throw new RateLimitError(
    'INVALID_OPTION',
    `${place}: allow is ${show(allow)}; write a list of keys, as ['ada']`,
  );
}

const ttlWithoutLimits = (ttl: unknown, place: string): RateLimitError =>
  new RateLimitError(
    'INVALID_OPTION',
    `${place}: limitsTtlMs is ${show(ttl)} without limits, whose answer it would keep; leave it out`,
  );

export function checkName(name: unknown, place: string): asserts name is string {
  if (typeof name === 'string' && NAME.test(name)) return;
  throw new RateLimitError(
    'INVALID_NAME',
    `${place}: name is ${show(name)}; write 1 to 128 printable ASCII characters without spaces, quotes, colons and braces, as 'chat'`,
  );
}

/**
 * Whole milliseconds, up to what microseconds below 2^53 can say: 285 years.
 * @throws RateLimitError `INVALID_OPTION`
 */
export function checkWait(milliseconds: unknown, place: string): void {
  checkInteger(milliseconds, 0, Math.floor(Number.MAX_SAFE_INTEGER / 1000), place);
}

/** @throws RateLimitError `INVALID_COST` */
export function checkCost(cost: unknown, place: string): asserts cost is number {
  if (Number.isSafeInteger(cost) && (cost as number) >= 0) return;
  throw new RateLimitError('INVALID_COST', `${place}: cost is ${show(cost)}; write an integer of at least 0`);
}

/** @throws RateLimitError `INVALID_COST`, `COST_ABOVE_CAPACITY` */
export function checkStaticCost(cost: unknown, capacity: number | undefined, place: string): void {
  checkCost(cost, place);
  if (capacity === undefined || cost <= capacity) return;
  throw new RateLimitError(
    'COST_ABOVE_CAPACITY',
    `${place}: cost ${cost} is above capacity ${capacity}, so no request could ever pass; raise the capacity or lower the cost`,
  );
}

function checkMaxWait(maxWaitMs: unknown, shape: boolean | undefined, place: string): void {
  if (shape === false) {
    throw new RateLimitError(
      'INVALID_OPTION',
      `${place}: maxWaitMs is ${show(maxWaitMs)} beside shape: false, which never waits; leave one of the two out`,
    );
  }
  checkWait(maxWaitMs, `${place}: maxWaitMs`);
}
