import {
  checkInteger,
  checkKnownOptions,
  checkObject,
  checkSynchronous,
  checkText,
} from '../common/checks.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';
import type { RefusalOptions } from './refusal-options.js';

const TEXTS = ['message', 'status', 'body'] as const;
const EXAMPLES = {
  message: "a text, or (refusal) => 'Slow down.'",
  body: '(refusal, problem) => ({ ...problem, help: "…" })',
  exceptionFactory: '(refusal) => new HttpException("Slow down.", 429)',
};

/**
 * Checks and freezes what a refusal looks like.
 * @throws RateLimitError `INVALID_OPTION`, `UNKNOWN_OPTION`
 */
export function parseRefusal(options: RefusalOptions, place: string): RefusalOptions {
  checkObject(options, place, "{ message: 'Slow down.' }");
  checkKnownOptions(options, [...TEXTS, 'exceptionFactory'], place);
  const { message, status, body, exceptionFactory } = options;
  if (typeof message === 'function') checkSynchronous(message, `${place}.message`, EXAMPLES.message);
  else if (message !== undefined) checkText(message, `${place}.message`, EXAMPLES.message);
  if (status !== undefined) checkInteger(status, 400, 599, `${place}.status`);
  if (body !== undefined) checkSynchronous(body, `${place}.body`, EXAMPLES.body);
  if (exceptionFactory !== undefined) {
    checkSynchronous(exceptionFactory, `${place}.exceptionFactory`, EXAMPLES.exceptionFactory);
    checkAlone(options, place);
  }
  return Object.freeze({ ...options });
}

/** The exception is all that there is then: a text beside it would be ignored. */
function checkAlone(options: RefusalOptions, place: string): void {
  for (const option of TEXTS) {
    if (options[option] === undefined) continue;
    throw new RateLimitError(
      'INVALID_OPTION',
      `${place}.${option} is ${show(options[option])} beside exceptionFactory, whose exception says it all; leave one of the two out`,
    );
  }
}
