import type { HeaderSource } from './header-source.js';

/** What a provider says about a limit of its own. What it does not say is missing. */
export interface ProviderReport {
  /** What is left, in the provider's unit (requests, tokens, points), rounded down. */
  readonly remaining?: number;
  /** The most that can be left, in the same unit. */
  readonly limit?: number;
  /** Milliseconds to wait before the next request, rounded up. */
  readonly retryAfterMs?: number;
  /** Milliseconds until the provider renews what is used up, all or a part of it, rounded up. */
  readonly resetAfterMs?: number;
}

/** A response as far as readers look at it: a `Response` of fetch as it is, or the parts of another client's. */
export interface ProviderResponse {
  readonly status?: number;
  readonly headers: HeaderSource;
  /** The parsed JSON, for readers that look into it. A body that is still a stream tells them nothing. */
  readonly body?: unknown;
}

/**
 * Reads a response; undefined where it says nothing usable. Never throws for what the response holds.
 *
 * @param now the time of the receipt, in milliseconds since 1970. It counts only where the provider names a moment and
 *   the response has no `Date` of its own: with `Date`, a local clock that is wrong does no harm.
 */
export type ReportReader = (response: ProviderResponse, now?: number) => ProviderReport | undefined;

/** The parts of a report before they are put together; undefined is the same as missing. */
export type ReportParts = { readonly [Part in keyof ProviderReport]: number | undefined };

/** A report of what is told, or undefined where nothing is. */
export function makeReport(parts: ReportParts): ProviderReport | undefined {
  const told = Object.entries(parts).filter(([, value]) => value !== undefined);
  return told.length === 0 ? undefined : Object.fromEntries(told);
}
