import { checkText } from '../common/checks.js';
import { describeKey, type KeyResolver } from './key-resolver.js';
import { readCaller } from './read-caller.js';

/**
 * The value of a route parameter, as `:tenant`. Routes without it share one bucket.
 * @throws RateLimitError `INVALID_OPTION` for a name that is no text
 */
export function byParam(name: string): KeyResolver {
  checkText(name, 'byParam: name', "the name of a route parameter, as byParam('tenant')");
  return describeKey(`byParam(${name})`, (context) => {
    const value = readCaller(context, 'params', `byParam('${name}')`)[name] ?? '';
    // Express 5 splits what a wildcard has matched.
    return Array.isArray(value) ? value.join('/') : value;
  });
}
