import type { Decision } from '../../limiter/decision.js';

export const LEGACY_FIELDS = ['X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset'] as const;

/** The fields that older clients read, of the tightest limit; `Reset` is in seconds from now. */
export function legacyFields({ limit, remaining, resetAfterMs }: Decision): [string, string][] {
  return [
    ['X-RateLimit-Limit', String(limit)],
    ['X-RateLimit-Remaining', String(remaining)],
    ['X-RateLimit-Reset', String(Math.ceil(resetAfterMs / 1000))],
  ];
}
