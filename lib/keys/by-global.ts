import { describeKey, type KeyResolver } from './key-resolver.js';

/** One bucket for everybody. */
export function byGlobal(): KeyResolver {
  return describeKey('byGlobal()', () => 'all');
}
