import { AssertionError } from 'node:assert';
import { isDeepStrictEqual } from 'node:util';
import type { INestApplicationContext, Type } from '@nestjs/common';
import type { ExplainedPolicy } from '../admin/explanation.js';
import { parseRate } from '../algorithms/rate.js';
import { checkKnownOptions, checkObject } from '../common/checks.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';
import type { KeyResolver } from '../keys/index.js';
import { keyIdentity } from '../keys/key-resolver.js';
import { type HandlerOf, policiesOf } from './policies-of.js';

/** What a policy of a route should be: only what is written is compared. */
export interface ExpectedPolicy extends Partial<Omit<ExplainedPolicy, 'key'>> {
  /** `byHeader('x-user')`, or its text. */
  readonly key?: KeyResolver | string;
}

/** The same with its key as a text. */
type Part = Partial<ExplainedPolicy>;

// By the type, so that what is told of a policy can also be expected.
const KNOWN: Readonly<Record<keyof ExplainedPolicy, true>> = {
  policy: true,
  algorithm: true,
  capacity: true,
  rate: true,
  perRequest: true,
  waits: true,
  key: true,
  scope: true,
  stage: true,
  shadow: true,
  cost: true,
  skips: true,
  allow: true,
};

/**
 * Asserts that a policy limits a route: any, or one that is as expected. Rates are compared as numbers, so `5` is `'5/s'`.
 * A policy in shadow mode limits nothing: it has to be expected, with `shadow: true`.
 * @throws AssertionError that shows what limits the route and what was expected
 * @throws RateLimitError `UNKNOWN_HANDLER`, `UNKNOWN_OPTION`; `INVALID_OPTION` for a key that is a function of your own
 */
export function assertLimited<Class extends object>(
  app: Pick<INestApplicationContext, 'get'>,
  type: Type<Class>,
  method: HandlerOf<Class>,
  expected: ExpectedPolicy = {},
): void {
  checkObject(expected, 'assertLimited', '{ capacity: 10, rate: 5 }');
  checkKnownOptions(expected, Object.keys(KNOWN), 'assertLimited');
  const { key, ...others } = expected;
  const rest = { shadow: false, ...others };
  const wanted: Part = key === undefined ? rest : { ...rest, key: textOf(key) };
  const policies = policiesOf(app, type, method);
  const named = policies.filter(({ policy }) => policy === (wanted.policy ?? policy));
  const found = (named.length === 0 ? policies : named).map((policy) => partOf(policy, wanted));
  if (found.some((part) => isDeepStrictEqual(part, wanted))) return;
  throw mismatch(`${type.name}.${method}`, found, wanted);
}

/** Of a function of the user's own only the name could be compared. */
function textOf(key: KeyResolver | string): string {
  const identity = typeof key === 'string' ? key : keyIdentity(key);
  if (typeof identity === 'string') return identity;
  throw new RateLimitError(
    'INVALID_OPTION',
    `assertLimited: key is ${show(key)}, of which only the name is known; write that: 'tenantOf'`,
  );
}

/** What is to be compared of a policy. */
function partOf(policy: ExplainedPolicy, wanted: Part): Part {
  const keys = Object.keys(wanted) as (keyof ExplainedPolicy)[];
  const part = Object.fromEntries(keys.map((key) => [key, policy[key]]));
  return isSameRate(policy.rate, wanted.rate) ? { ...part, rate: wanted.rate } : part;
}

function isSameRate(a: ExplainedPolicy['rate'], b: ExplainedPolicy['rate']): boolean {
  return a !== undefined && b !== undefined && isDeepStrictEqual(parseRate(a), parseRate(b));
}

function mismatch(place: string, found: readonly Part[], expected: Part): AssertionError {
  const actual = found.length === 1 ? found[0] : found;
  // Node shows the difference below it.
  return new AssertionError({
    message: `${place}: no policy ${found.length === 0 ? 'limits it' : 'is as expected'}`,
    actual,
    expected,
    operator: 'deepStrictEqual',
  });
}
