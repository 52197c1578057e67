import { chain, mapAll } from '../common/awaitable.js';
import { checkFunction } from '../common/checks.js';
import { checkPart, describeKey, type KeyResolver, keyText } from './key-resolver.js';

/**
 * One bucket for each combination, as `byAll(byParam('tenant'), byUser())`.
 * @throws RateLimitError `INVALID_OPTION` for no resolver, or one that is no function
 */
export function byAll(...resolvers: KeyResolver[]): KeyResolver {
  // None at all would be one bucket for everybody, which byGlobal() says outright.
  for (const resolver of resolvers.length > 0 ? resolvers : [undefined]) {
    checkFunction(resolver, 'byAll: a resolver', "two or more, as byAll(byParam('tenant'), byUser())");
  }
  const text = `byAll(${resolvers.map(keyText).join(', ')})`;
  const resolve: KeyResolver = (context) =>
    chain(
      mapAll(resolvers, (resolver) => resolver(context)),
      (parts) => {
        for (const part of parts) checkPart(part, context, text);
        return join(parts);
      },
    );
  return describeKey(text, resolve, resolvers);
}

/** Injective: the separator cannot stem from a part. */
const join = (parts: readonly string[]): string =>
  parts.map((part) => part.replaceAll('%', '%25').replaceAll('|', '%7C')).join('|');
