import 'reflect-metadata';
import type { Type } from '@nestjs/common';
import type { Limit } from '../algorithms/limit.js';
import type { Policy } from '../options/policy.js';
import type { PolicyOptions } from '../options/policy-options.js';

/** What a decorator says: options to be checked at boot, or a policy by its value or name. */
export type Declaration =
  | { readonly decorator: string; readonly algorithm: Limit['algorithm']; readonly options: PolicyOptions }
  | { readonly decorator: string; readonly policy: Policy | string };

/** What `@SkipRateLimit` says: these policies, or all. */
export type Skip = 'all' | readonly (Policy | string)[];

/** What is declared on a class or on a method, in the order of the source. */
export interface Declared {
  readonly policies: readonly Declaration[];
  readonly skips: readonly Skip[];
  /** Whose decisions `@RateLimitDecision` asks for; undefined: the tightest. */
  readonly decisions: readonly (Policy | string | undefined)[];
}

type Entry =
  | { readonly policy: Declaration }
  | { readonly skip: Skip }
  | { readonly decision: Policy | string | undefined };

const KEY = Symbol.for('nestjs-floodgate.declarations');

/**
 * Records an entry. On a method it is kept by class and name, not on the function: another decorator may replace the
 * function later. Decorators run from the lowest up, so the newest entry goes first.
 */
export function declare(target: object, method: string | symbol | undefined, entry: Entry): void {
  // A class extends what it inherits, as the guards of Nest do; an overriding method starts anew, as its route does.
  if (method === undefined)
    Reflect.defineMetadata(KEY, [entry, ...(Reflect.getMetadata(KEY, target) ?? [])], target);
  else
    Reflect.defineMetadata(
      KEY,
      [entry, ...(Reflect.getOwnMetadata(KEY, target, method) ?? [])],
      target,
      method,
    );
}

export function declaredOnClass(type: Type): Declared {
  return sort(Reflect.getMetadata(KEY, type));
}

export function declaredOnMethod(type: Type, method: string): Declared {
  const owner = ownerOf(type.prototype, method);
  return sort(owner && Reflect.getOwnMetadata(KEY, owner, method));
}

/** The prototype in the chain that defines a method. */
function ownerOf(prototype: object | null, method: string): object | undefined {
  for (let owner = prototype; owner; owner = Object.getPrototypeOf(owner)) {
    if (Object.hasOwn(owner, method)) return owner;
  }
  return undefined;
}

function sort(entries: readonly Entry[] = []): Declared {
  return {
    policies: entries.flatMap((entry) => ('policy' in entry ? [entry.policy] : [])),
    skips: entries.flatMap((entry) => ('skip' in entry ? [entry.skip] : [])),
    decisions: entries.flatMap((entry) => ('decision' in entry ? [entry.decision] : [])),
  };
}
