import type { LeaseTerms } from '../algorithms/lease-terms.js';
import { checkInteger, checkKnownOptions } from '../common/checks.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';
import type { LeaseOptions, PolicyOptions } from './policy-options.js';

/** A second: after it a process that crashed has forfeited what it held, and it is many times what a call takes. */
const DEFAULT_TTL_MS = 1000;

/** Below it, two commands for every few tokens would come to more than they save. */
const DEFAULT_PER_SECOND = 100;

/**
 * How tokens are taken ahead; undefined: they are not.
 * @throws RateLimitError `INVALID_OPTION`, `UNKNOWN_OPTION`, `LEASE_CONFLICT`
 */
export function parseLease(options: PolicyOptions, shapes: boolean, place: string): LeaseTerms | undefined {
  const { lease } = options;
  if (lease === undefined || lease === false) return undefined;
  const here = `${place}: lease`;
  const { ttlMs = DEFAULT_TTL_MS, tokens, perSecond = DEFAULT_PER_SECOND } = optionsOf(lease, here);
  checkInteger(ttlMs, 100, 60_000, `${here}.ttlMs`);
  if (tokens !== undefined) checkInteger(tokens, 1, Number.MAX_SAFE_INTEGER, `${here}.tokens`);
  checkInteger(perSecond, 1, 1_000_000, `${here}.perSecond`);
  checkConflicts(options, shapes, place);
  return Object.freeze({ ttlMs, tokens, perSecond });
}

function optionsOf(lease: true | LeaseOptions, here: string): LeaseOptions {
  if (lease === true) return {};
  if (typeof lease !== 'object' || lease === null || Array.isArray(lease)) {
    throw new RateLimitError(
      'INVALID_OPTION',
      `${here} is ${show(lease)}; write true, false or { ttlMs: 1000 }`,
    );
  }
  checkKnownOptions(lease, ['ttlMs', 'tokens', 'perSecond'], here);
  return lease;
}

/** What needs the store for each request leaves nothing that could be taken ahead. */
function checkConflicts({ settle }: PolicyOptions, shapes: boolean, place: string): void {
  if (shapes) {
    throw new RateLimitError(
      'LEASE_CONFLICT',
      `${place}: lease stands beside a leaky bucket that makes requests wait, and nobody can be given a turn beside tokens that others hold; leave lease out, or write shape: false`,
    );
  }
  if (settle === undefined) return;
  throw new RateLimitError(
    'LEASE_CONFLICT',
    `${place}: lease stands beside settle, which keeps each estimate in the store; leave one of the two out`,
  );
}
