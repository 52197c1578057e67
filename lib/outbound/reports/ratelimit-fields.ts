import { type Item, parseDictionary, parseList } from 'structured-headers';
import { headerText } from './header-source.js';
import { wholeCount, wholeMs } from './numbers.js';
import type { ProviderReport, ProviderResponse, ReportParts } from './provider-report.js';
import { withWait } from './retry-after.js';
import { readTriple } from './triple.js';

/**
 * Reads the RateLimit fields of draft-ietf-httpapi-ratelimit-headers, and `Retry-After`, which takes precedence.
 *
 * - Revisions 8 to 11: `RateLimit: "name";r=50;t=30`. Of several members the tightest is reported: the least `r`, among
 *   equals the longest `t`; the limit is `q` of the member of `RateLimit-Policy` with its name. `resetAfterMs` is `t`, the
 *   effective window: so long no more than `r` can be used.
 * - Revision 7: `RateLimit: limit=100, remaining=50, reset=30`.
 * - Before that: `RateLimit-Limit` (`100`, or `100, 100;w=60, 1000;w=3600`: the first counts), `RateLimit-Remaining` and
 *   `RateLimit-Reset`, seconds from now. A reset from 10^9 on is taken for seconds since 1970, as GitLab writes it.
 *
 * A field that is not well-formed is ignored as a whole (RFC 9651, 4.2).
 */
export function readRateLimitFields(
  response: ProviderResponse,
  now = Date.now(),
): ProviderReport | undefined {
  const quota = readMembers(response) ?? readCombined(response) ?? readTriple(response, 'ratelimit-', now);
  return withWait(quota, response, now);
}

interface Member extends ReportParts {
  readonly name: string;
  readonly remaining: number;
}

function readMembers({ headers }: ProviderResponse): ReportParts | undefined {
  const members = items(headerText(headers, 'ratelimit')).flatMap(toMember);
  if (members.length === 0) return undefined;
  const { name, remaining, resetAfterMs } = members.reduce((a, b) => (isTighter(b, a) ? b : a));
  const policies = items(headerText(headers, 'ratelimit-policy'));
  const policy = policies.find(([value, parameters]) => String(value) === name && parameters.has('q'));
  return { limit: wholeCount(policy?.[1].get('q')), remaining, resetAfterMs };
}

function toMember([name, parameters]: Item): Member[] {
  const remaining = wholeCount(parameters.get('r'));
  return remaining === undefined
    ? []
    : [{ name: String(name), remaining, resetAfterMs: seconds(parameters.get('t')) }];
}

function isTighter(a: Member, b: Member): boolean {
  if (a.remaining !== b.remaining) return a.remaining < b.remaining;
  return (a.resetAfterMs ?? 0) > (b.resetAfterMs ?? 0);
}

function readCombined({ headers }: ProviderResponse): ReportParts | undefined {
  const text = headerText(headers, 'ratelimit');
  const dictionary = text === undefined ? undefined : attempt(() => parseDictionary(text));
  const value = (key: string): unknown => dictionary?.get(key)?.[0];
  const remaining = wholeCount(value('remaining'));
  if (remaining === undefined) return undefined;
  return { limit: wholeCount(value('limit')), remaining, resetAfterMs: seconds(value('reset')) };
}

/** The items of a structured list; inner lists among them are not for us. */
function items(text: string | undefined): Item[] {
  const list = text === undefined ? undefined : attempt(() => parseList(text));
  return list?.filter((member): member is Item => !Array.isArray(member[0])) ?? [];
}

const seconds = (value: unknown): number | undefined =>
  typeof value === 'number' ? wholeMs(value * 1000) : undefined;

/** The text is the provider's: however the parser fails over it, the field says nothing. */
function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}
