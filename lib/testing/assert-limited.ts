import { AssertionError } from 'node:assert';
import { isDeepStrictEqual } from 'node:util';
import type { INestApplicationContext, Type } from '@nestjs/common';
import { parseRate } from '../algorithms/rate.js';
import { checkKnownOptions, checkObject } from '../common/checks.js';
import { type HandlerOf, policiesOf, type RoutePolicy } from './policies-of.js';

/** What a policy of a route should be: only what is written is compared. */
export type ExpectedPolicy = Partial<RoutePolicy>;

const KNOWN = ['policy', 'algorithm', 'capacity', 'rate', 'key', 'stage', 'cost'];

/**
 * Asserts that a policy limits a route: any, or one that is as expected. Rates are compared as numbers, so `5` is `'5/s'`.
 * @throws AssertionError that shows what limits the route and what was expected
 * @throws RateLimitError `UNKNOWN_HANDLER`, `UNKNOWN_OPTION`
 */
export function assertLimited<Class extends object>(
  app: Pick<INestApplicationContext, 'get'>,
  type: Type<Class>,
  method: HandlerOf<Class>,
  expected: ExpectedPolicy = {},
): void {
  checkObject(expected, 'assertLimited', '{ capacity: 10, rate: 5 }');
  checkKnownOptions(expected, KNOWN, 'assertLimited');
  const policies = policiesOf(app, type, method);
  const named = policies.filter(({ policy }) => policy === (expected.policy ?? policy));
  const found = (named.length === 0 ? policies : named).map((policy) => partOf(policy, expected));
  if (policies.length > 0 && found.some((part) => isDeepStrictEqual(part, expected))) return;
  throw mismatch(`${type.name}.${method}`, found, expected);
}

/** What is to be compared of a policy. */
function partOf(policy: RoutePolicy, expected: ExpectedPolicy): ExpectedPolicy {
  const keys = Object.keys(expected) as (keyof RoutePolicy)[];
  const part = Object.fromEntries(keys.map((key) => [key, policy[key]]));
  return 'rate' in expected && isSameRate(policy.rate, expected.rate)
    ? { ...part, rate: expected.rate }
    : part;
}

function isSameRate(a: RoutePolicy['rate'], b: RoutePolicy['rate']): boolean {
  if (a === undefined || b === undefined) return a === b;
  return isDeepStrictEqual(parseRate(a), parseRate(b));
}

function mismatch(place: string, found: readonly ExpectedPolicy[], expected: ExpectedPolicy): Error {
  if (found.length === 0) {
    return new AssertionError({ message: `${place}: no policy limits it`, actual: undefined, expected });
  }
  const actual = found.length === 1 ? found[0] : found;
  const { message } = new AssertionError({ actual, expected, operator: 'deepStrictEqual' });
  return new AssertionError({
    message: `${place}: no policy is as expected. ${message}`,
    actual,
    expected,
    operator: 'deepStrictEqual',
  });
}
