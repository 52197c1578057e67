import { checkText } from '../common/checks.js';
import { describeKey, type KeyResolver } from './key-resolver.js';
import { readCaller } from './read-caller.js';

/**
 * The value of a request header. Requests without it, or with an empty one, share one bucket, so leaving it out is no
 * way around the limit; a value that a client may choose freely is no identity, though.
 * @throws RateLimitError `INVALID_OPTION` for a name that is no text
 */
export function byHeader(name: string): KeyResolver {
  checkText(name, 'byHeader: name', "the name of a header, as byHeader('x-api-key')");
  const header = name.toLowerCase();
  return describeKey(`byHeader(${header})`, (context) => {
    const value = readCaller(context, 'headers', `byHeader('${name}')`)[header];
    return Array.isArray(value) ? value.join(', ') : (value ?? '');
  });
}
