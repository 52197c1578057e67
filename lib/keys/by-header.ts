import { httpRequest } from './http-request.js';
import { describeKey, type KeyResolver } from './key-resolver.js';

/**
 * The value of a request header. Requests without it, or with an empty one, share one bucket, so leaving it out is no
 * way around the limit; a value that a client may choose freely is no identity, though.
 */
export function byHeader(name: string): KeyResolver {
  const header = name.toLowerCase();
  return describeKey(`byHeader(${header})`, (context) => {
    const value = httpRequest(context, `byHeader('${name}')`).headers[header];
    return Array.isArray(value) ? value.join(', ') : (value ?? '');
  });
}
