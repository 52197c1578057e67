import { applyDecorators, Controller, Get, Module, type Type } from '@nestjs/common';
import { parseList } from 'structured-headers';

/** A controller `Cats` at `/cats`, whose one route `find` has these decorators, the first of them on top. */
export function catsWith(...decorators: MethodDecorator[]): Type {
  @Controller('cats')
  class Cats {
    @Get()
    @applyDecorators(...[...decorators].reverse())
    find() {
      return [];
    }
  }
  return Cats;
}

/** As `Transactional` or `Span` of other libraries: the method becomes another function, which carries its metadata. */
export function Wrapped(): MethodDecorator {
  return (_target, _method, descriptor: PropertyDescriptor) => {
    const original = descriptor.value as (...args: unknown[]) => unknown;
    descriptor.value = function wrapper(this: unknown, ...args: unknown[]) {
      return original.apply(this, args);
    };
    for (const key of Reflect.getMetadataKeys(original)) {
      Reflect.defineMetadata(key, Reflect.getMetadata(key, original), descriptor.value);
    }
  };
}

/** A module of these controllers. */
export function moduleOf(...controllers: Type[]): Type {
  @Module({ controllers })
  class Feature {}
  return Feature;
}

/** The members of a `RateLimit` or `RateLimit-Policy` field, read by the parser of RFC 9651: names to parameters. */
export function members(response: Response, field = 'RateLimit'): Record<string, Record<string, unknown>> {
  const list = parseList(response.headers.get(field) ?? '');
  return Object.fromEntries(list.map(([name, parameters]) => [String(name), Object.fromEntries(parameters)]));
}

/** What every policy has left, by the `RateLimit` field. */
export function remaining(response: Response): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members(response)).map(([name, { r }]) => [name, r]));
}

/** The fields of a response that speak of limits, by their names. */
export function limitFields({ headers }: Response): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => /ratelimit|retry-after/.test(name)));
}
