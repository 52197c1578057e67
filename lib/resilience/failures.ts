import { isUnavailable } from '../errors/is-unavailable.js';
import { RateLimitError } from '../errors/rate-limit.error.js';

/** What a script or a command says where one key holds what we have not written: no other key is worse for it. */
const ONE_KEY = /\bWRONGTYPE\b|no bucket record at|no reservation at/;

/** What a server says to a user who may not do something: from 7.2 on, before that in a script, and outside of scripts. */
const FORBIDDEN = /\bACL failure\b|user executing the script can't|\bNOPERM\b/;

/** Whether a user may not do something, which may be all that decides, or one command of few. */
export const isForbidden = (error: unknown): boolean => FORBIDDEN.test(messageOf(error));

/** A mistake of the application, which stays one whatever the store does. */
export const isMisuse = (error: unknown): boolean => error instanceof RateLimitError && !isUnavailable(error);

/** Whether a failure says nothing of the store as a whole. */
export const isOfOneKey = (error: unknown): boolean => isMisuse(error) || ONE_KEY.test(messageOf(error));

export const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  // Where a name has several addresses the error is of them all, and has no message of its own.
  return error.message || (error as NodeJS.ErrnoException).code || error.name;
};
