import type { ExecutionContext } from '@nestjs/common';
import { chain } from '../common/awaitable.js';
import { checkFunction, checkKnownOptions, checkObject, checkText } from '../common/checks.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import {
  afterAuthentication,
  checkPart,
  describeKey,
  type KeyResolver,
  keyText,
  routeOf,
} from './key-resolver.js';
import { readUser } from './read-caller.js';

export interface ByUserOptions {
  /** Who is limited where there is no user. Without it such a request is an error. */
  readonly anonymous?: KeyResolver;
}

/**
 * A property of `request.user`, as authentication guards set it; `id` by default. Decided at the handler stage, after
 * every guard.
 * @throws RateLimitError `INVALID_OPTION` for a wrong argument; `NO_USER` at the request, where there is no user and no `anonymous`
 */
export function byUser(property = 'id', options: ByUserOptions = {}): KeyResolver {
  checkText(property, 'byUser: property', "a property of request.user, as byUser('id')");
  checkObject(options, 'byUser', "byUser('id', { anonymous: byIp() })");
  checkKnownOptions(options, ['anonymous'], 'byUser');
  const { anonymous } = options;
  if (anonymous !== undefined) checkFunction(anonymous, 'byUser: anonymous', 'byIp() or (context) => …');
  const text = `byUser(${property}${anonymous ? `, ${keyText(anonymous)}` : ''})`;
  const resolve: KeyResolver = (context) => {
    const user = readUser(context, text) as Record<string, unknown> | null | undefined;
    const id = identity(user?.[property]);
    // The two kinds must not meet: a user may be called like an address.
    if (id !== undefined) return anonymous ? `user|${id}` : id;
    if (anonymous === undefined) throw noUser(context, property);
    return chain(anonymous(context), (key) => {
      checkPart(key, context, text);
      return `anonymous|${key}`;
    });
  };
  return afterAuthentication(describeKey(text, resolve, anonymous ? [anonymous] : []));
}

/** Text, numbers, and objects that know how to be text (an ObjectId); never `undefined` or `[object Object]`. */
function identity(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value;
  if (typeof value === 'bigint' || Number.isFinite(value)) return String(value);
  if (typeof value !== 'object' || value === null) return undefined;
  return value.toString === Object.prototype.toString || Array.isArray(value) ? undefined : String(value);
}

function noUser(context: ExecutionContext, property: string): RateLimitError {
  return new RateLimitError(
    'NO_USER',
    `${routeOf(context)}: byUser('${property}') found no request.user.${property}. Put an authentication guard on the route, or say who is limited instead: byUser('${property}', { anonymous: byIp() })`,
  );
}
