import { headerMembers } from './header-source.js';
import { responseTime } from './http-date.js';
import { greatest, least, readCount, readNumber, readSeconds, wholeMs } from './numbers.js';
import type { ProviderResponse, ReportParts } from './provider-report.js';

/** As a number of seconds from now these are 31 years; as seconds since 1970, September 2001. */
const EPOCH_SECONDS = 1e9;
/** As seconds since 1970 these are the year 5138; as milliseconds since 1970, March 1973. */
const EPOCH_MS = 1e11;

/**
 * Reads three fields with a common prefix, `…Limit`, `…Remaining`, `…Reset`. Where a field is a list, the first limit is
 * the one that is nearest (as the drafts have it), and the least remaining and the longest reset count.
 */
export function readTriple({ headers }: ProviderResponse, prefix: string, now: number): ReportParts {
  const members = (name: string) => headerMembers(headers, `${prefix}${name}`);
  const from = responseTime(headers, now);
  return {
    limit: readCount(members('limit')[0]),
    remaining: least(members('remaining').map(readCount)),
    resetAfterMs:
      greatest(members('reset-after').map(readSeconds)) ??
      greatest(members('reset').map((text) => untilReset(text, from))),
  };
}

/**
 * Milliseconds until a reset. Its unit is told by its size: below 10^9 it is seconds from now, below 10^11 seconds since
 * 1970, else milliseconds since 1970. What is past is 0.
 */
function untilReset(text: string, from: number): number | undefined {
  const value = readNumber(text);
  if (value === undefined) return undefined;
  if (value < EPOCH_SECONDS) return readSeconds(text);
  return wholeMs(Math.max(0, (value < EPOCH_MS ? value * 1000 : value) - from));
}
