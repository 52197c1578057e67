import type { Type } from '@nestjs/common';

const NAME = Symbol.for('nestjs-floodgate.method-name');

type Handler = { readonly name: string };

/**
 * Notes on each method of a class how the class calls it. What wraps a handler after that (tracing, say) copies the
 * metadata along.
 */
export function markMethods(type: Type): void {
  for (const [name, method] of methodsOf(type)) Reflect.defineMetadata(NAME, name, method);
}

/** The name of a handler as its class knows it, or undefined where no method of the class stands behind it. */
export function methodName(type: Type, handler: Handler): string | undefined {
  for (const [name, method] of methodsOf(type)) if (method === handler) return name;
  // A wrapper has the metadata of what it wraps, a bound method its name.
  const name =
    (Reflect.getMetadata(NAME, handler) as string | undefined) ?? handler.name.replace(/^(bound )+/, '');
  return typeof type.prototype[name] === 'function' ? name : undefined;
}

function* methodsOf(type: Type): Generator<[string, object]> {
  for (
    let owner = type.prototype;
    owner && owner !== Object.prototype;
    owner = Object.getPrototypeOf(owner)
  ) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(owner))) {
      if (typeof value === 'function' && name !== 'constructor') yield [name, value];
    }
  }
}
