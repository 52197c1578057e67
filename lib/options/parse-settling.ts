import { checkFunction, checkInteger } from '../common/checks.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';
import type { Policy } from './policy.js';
import type { PolicyOptions } from './policy-options.js';

/** How long an estimate can be settled, if nothing else is said: ten minutes. */
const DEFAULT_TTL_MS = 600_000;

type Settling = Pick<Policy, 'settle' | 'maxDebt' | 'reservationTtlMs'>;

/** What a policy says of costs that are known only afterwards. */
export function parseSettling(options: PolicyOptions, place: string): Settling {
  const { name, settle, maxDebt, reservationTtlMs } = options;
  if (settle !== undefined) checkFunction(settle, `${place}: settle`, '(context, { result, error }) => 1');
  if (maxDebt !== undefined) checkInteger(maxDebt, 0, Number.MAX_SAFE_INTEGER, `${place}: maxDebt`);
  if (reservationTtlMs !== undefined) checkReservationTtl(reservationTtlMs, `${place}: reservationTtlMs`);
  // With a name, the service may reserve.
  if (settle === undefined && name === undefined) checkUnused({ maxDebt, reservationTtlMs }, place);
  return { settle, maxDebt, reservationTtlMs: reservationTtlMs ?? DEFAULT_TTL_MS };
}

/**
 * Whole milliseconds, from a second to a day.
 * @throws RateLimitError `INVALID_OPTION`
 */
export function checkReservationTtl(milliseconds: unknown, place: string): void {
  checkInteger(milliseconds, 1000, 86_400_000, place);
}

function checkUnused(options: Record<string, unknown>, place: string): void {
  for (const [option, value] of Object.entries(options)) {
    if (value === undefined) continue;
    throw new RateLimitError(
      'INVALID_OPTION',
      `${place}: ${option} is ${show(value)}, but nothing is ever settled here; add settle: (context, outcome) => 1, or a name for the service`,
    );
  }
}
