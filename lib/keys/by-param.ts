import { httpRequest } from './http-request.js';
import { describeKey, type KeyResolver } from './key-resolver.js';

/** The value of a route parameter, as `:tenant`. Routes without it share one bucket. */
export function byParam(name: string): KeyResolver {
  return describeKey(
    `byParam(${name})`,
    (context) => httpRequest(context, `byParam('${name}')`).params?.[name] ?? '',
  );
}
