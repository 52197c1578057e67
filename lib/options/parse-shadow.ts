import { checkKnownOptions, checkOneOf } from '../common/checks.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';
import type { Shadow } from './policy.js';
import type { ShadowOptions } from './policy-options.js';

/** @throws RateLimitError `INVALID_OPTION`, `UNKNOWN_OPTION` */
export function parseShadow(shadow: boolean | ShadowOptions | undefined, place: string): Shadow | undefined {
  if (shadow === undefined || shadow === false) return shadow;
  if (shadow === true) return SILENT;
  if (typeof shadow !== 'object' || shadow === null || Array.isArray(shadow)) {
    throw new RateLimitError(
      'INVALID_OPTION',
      `${place}: shadow is ${show(shadow)}; write true, false or { headers: true }`,
    );
  }
  checkKnownOptions(shadow, ['headers'], `${place}: shadow`);
  const { headers = false } = shadow;
  checkOneOf(headers, [true, false], `${place}: shadow.headers`);
  return Object.freeze({ headers });
}

const SILENT: Shadow = Object.freeze({ headers: false });
