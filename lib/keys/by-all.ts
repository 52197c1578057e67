import { chain, mapAll } from '../common/awaitable.js';
import { describeKey, type KeyResolver, keyText } from './key-resolver.js';

/** One bucket for each combination, as `byAll(byParam('tenant'), byUser())`. */
export function byAll(...resolvers: KeyResolver[]): KeyResolver {
  const resolve: KeyResolver = (context) =>
    chain(
      mapAll(resolvers, (resolver) => resolver(context)),
      join,
    );
  return describeKey(`byAll(${resolvers.map(keyText).join(', ')})`, resolve, resolvers);
}

/** Injective: the separator cannot stem from a part. */
const join = (parts: readonly string[]): string =>
  parts.map((part) => part.replaceAll('%', '%25').replaceAll('|', '%7C')).join('|');
