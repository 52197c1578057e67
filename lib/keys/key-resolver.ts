import type { ExecutionContext } from '@nestjs/common';
import type { Awaitable } from '../common/awaitable.js';
import { methodName } from '../common/method-name.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';
import { addressReader, readsAddress } from './address-readers.js';

/** Says who is limited: any text. Runs before pipes, so it sees the request as it came. */
export type KeyResolver = (context: ExecutionContext) => Awaitable<string>;

const TRAITS = Symbol.for('nestjs-floodgate.key-traits');

interface KeyTraits {
  /** What the resolver is, as one would write it. */
  readonly text: string;
  /** Whether it reads what authentication guards have found out. */
  readonly needsUser: boolean;
  /** Whether the text says all: two resolvers with it are equal. Not so with a function of the user's own inside. */
  readonly comparable: boolean;
}

type DescribedResolver = KeyResolver & { readonly [TRAITS]?: KeyTraits };

/** A resolver of ours, described, so that plans can compare it and know its stage. `parts` are resolvers inside it. */
export function describeKey(
  text: string,
  resolver: KeyResolver,
  parts: readonly KeyResolver[] = [],
): KeyResolver {
  const described = withTraits(resolver, {
    text,
    needsUser: parts.some(needsUser),
    comparable: parts.every((part) => traits(part)?.comparable === true),
  });
  return parts.some(readsAddress) ? addressReader(described) : described;
}

/** The same resolver, marked as one that has to run after authentication. */
export function afterAuthentication(resolver: KeyResolver): KeyResolver {
  return withTraits(resolver, { ...(traits(resolver) as KeyTraits), needsUser: true });
}

/** What tells two resolvers apart: the description, or the function itself where it is the user's own. */
export function keyIdentity(resolver: KeyResolver): string | KeyResolver {
  const known = traits(resolver);
  return known?.comparable ? known.text : resolver;
}

export function needsUser(resolver: KeyResolver): boolean {
  return traits(resolver)?.needsUser ?? false;
}

export function keyText(resolver: KeyResolver): string {
  return traits(resolver)?.text ?? (resolver.name || 'a function');
}

/** The route of a request, for messages: `Cats.find`. */
export function routeOf(context: ExecutionContext): string {
  const [type, handler] = [context.getClass(), context.getHandler()];
  return `${type.name}.${methodName(type, handler) ?? handler.name}`;
}

/**
 * Checks what a resolver inside another has returned: as a part of the key, anything would become text.
 * @throws RateLimitError `INVALID_KEY`
 */
export function checkPart(part: unknown, context: ExecutionContext, whole: string): asserts part is string {
  if (typeof part === 'string') return;
  throw new RateLimitError(
    'INVALID_KEY',
    `${routeOf(context)}: a part of ${whole} is ${show(part)}; return a text, as (context) => String(…)`,
  );
}

const traits = (resolver: KeyResolver): KeyTraits | undefined => (resolver as DescribedResolver)[TRAITS];

function withTraits(resolver: KeyResolver, value: KeyTraits): KeyResolver {
  return Object.assign(resolver, { [TRAITS]: Object.freeze(value) });
}
