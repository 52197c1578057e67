import type { Limit } from '../algorithms/limit.js';
import { parseRate } from '../algorithms/rate.js';
import { fitScale, type Scale } from '../algorithms/ticks.js';
import { checkFunction, checkInteger, checkKnownOptions, checkObject, checkOneOf } from '../common/checks.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';
import { Policy } from './policy.js';
import type { LeakyBucketOptions, PolicyOptions, Rate } from './policy-options.js';

const COMMON = ['name', 'capacity', 'rate', 'key', 'cost', 'stage'];
const KNOWN = { 'token-bucket': COMMON, 'leaky-bucket': [...COMMON, 'maxWaitMs', 'shape'] };
const NAME = /^[!#-&(-9;-_a-z|~]{1,128}$/;

/**
 * Checks and freezes the options of a policy. `place` names them in an error: `Cats.find: @TokenBucket`.
 * @throws RateLimitError with the code of what is wrong
 */
export function parsePolicy(algorithm: Limit['algorithm'], options: PolicyOptions, place: string): Policy {
  checkObject(options, place, '{ capacity: 10, rate: 5 }');
  checkKnownOptions(options, KNOWN[algorithm], place);
  const { name, capacity, rate, key, cost = 1, stage, maxWaitMs, shape } = options as LeakyBucketOptions;
  if (name !== undefined) checkName(name, place);
  checkCapacity(capacity, place);
  if (key !== undefined) checkFunction(key, `${place}: key`, "byIp() or (context) => 'text'");
  if (stage !== undefined) checkOneOf(stage, ['guard', 'handler'], `${place}: stage`);
  if (shape !== undefined) checkOneOf(shape, [true, false], `${place}: shape`);
  if (maxWaitMs !== undefined) checkMaxWait(maxWaitMs, shape, place);
  if (typeof cost !== 'function') checkStaticCost(cost, capacity, place);
  const limit: Limit = {
    algorithm,
    capacity,
    scale: scaleOf(rate, capacity, place),
    shapes: algorithm === 'leaky-bucket' && shape !== false,
    ...(maxWaitMs === undefined ? {} : { maxWaitMicros: maxWaitMs * 1000 }),
  };
  return new Policy({ name, rate, key, cost, stage, maxWaitMs, limit: Object.freeze(limit) });
}

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

function checkStaticCost(cost: unknown, capacity: number, place: string): void {
  checkCost(cost, place);
  if (cost <= capacity) return;
  throw new RateLimitError(
    'COST_ABOVE_CAPACITY',
    `${place}: cost ${cost} is above capacity ${capacity}, so no request could ever pass; raise the capacity or lower the cost`,
  );
}

function checkCapacity(capacity: unknown, place: string): asserts capacity is number {
  if (Number.isSafeInteger(capacity) && (capacity as number) >= 1) return;
  throw new RateLimitError(
    'INVALID_CAPACITY',
    `${place}: capacity is ${show(capacity)}; write an integer of at least 1, as capacity: 10`,
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

function scaleOf(rate: Rate, capacity: number, place: string): Scale {
  const fraction = typeof rate === 'number' || typeof rate === 'string' ? parseRate(rate) : undefined;
  if (fraction === undefined) {
    throw new RateLimitError(
      'INVALID_RATE',
      `${place}: rate is ${show(rate)}; write a number above 0 (per second) or a text as '5/s', '100/min', '1000/h', '7/day', '30/10s'`,
    );
  }
  const scale = fitScale(fraction, capacity);
  if (scale !== undefined) return Object.freeze(scale);
  throw new RateLimitError(
    'RATE_DOES_NOT_FIT',
    `${place}: capacity ${capacity} at rate ${show(rate)} is ${fraction.numerator} tokens in ${fraction.denominator} µs, and ${fraction.numerator} or ${capacity} × ${fraction.denominator} passes 2^53 - 1, even with the rate lowered by one part in 10^9; write a rounder rate or a smaller capacity`,
  );
}
