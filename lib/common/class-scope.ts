import type { Type } from '@nestjs/common';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';

// A metadata key of Nest that not every version exports.
const VERSION = '__version__';

/** A class as messages call it. */
export function className(type: Type): string {
  return type.name || `(class without a name at ${show(Reflect.getMetadata('path', type))})`;
}

/**
 * The scope of a class: `Cats`, or `Cats@2` with a version, its own or that of a method.
 * @throws RateLimitError `NAMELESS_CLASS`
 */
export function classScope(type: Type, place: string, handler?: object): string {
  if (type.name === '') {
    throw new RateLimitError(
      'NAMELESS_CLASS',
      `${place}: the class has no name, so the bucket of this policy has none; name the class, or give the policy a name: name: 'cats'`,
    );
  }
  const version = (handler && Reflect.getMetadata(VERSION, handler)) ?? Reflect.getMetadata(VERSION, type);
  const text = Array.isArray(version) ? version.map(versionText).join(',') : version;
  return typeof text === 'string' ? `${type.name}@${text}` : type.name;
}

/** `VERSION_NEUTRAL` is a symbol. */
const versionText = (version: unknown): string => (typeof version === 'symbol' ? 'neutral' : String(version));
