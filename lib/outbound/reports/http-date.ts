import { type HeaderSource, headerLines } from './header-source.js';

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const TIME = '(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)';

/** The three forms of RFC 9110, 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`, and the obsolete ones of RFC 850 and asctime. */
const FORMS = [
  `[a-z]{3}, (?<day>\\d\\d) (?<month>[a-z]{3}) (?<year>\\d{4}) ${TIME} GMT`,
  `[a-z]{6,9}, (?<day>\\d\\d)-(?<month>[a-z]{3})-(?<year>\\d\\d) ${TIME} GMT`,
  `[a-z]{3} (?<month>[a-z]{3}) (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})`,
].map((form) => new RegExp(`^${form}$`, 'i'));

/**
 * The moment of an HTTP date, in milliseconds since 1970; undefined where it is none, or not a day of the calendar. The
 * day of the week is not compared.
 *
 * @param now tells the century of a year of two digits: never more than 50 years ahead (RFC 9110, 5.6.7)
 */
export function readHttpDate(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  const parts = FORMS.map((form) => form.exec(text)?.groups).find((groups) => groups !== undefined);
  if (parts === undefined) return undefined;
  const [day, hour, minute, second] = [parts.day, parts.hour, parts.minute, parts.second].map(Number);
  const month = MONTHS.indexOf(parts.month!.toLowerCase());
  const year = parts.year!.length === 2 ? centuryOf(Number(parts.year), now) : Number(parts.year);
  if (hour! > 23 || minute! > 59 || second! > 60) return undefined;
  const midnight = new Date(0).setUTCFullYear(year, month, day);
  if (month < 0 || new Date(midnight).getUTCDate() !== day) return undefined;
  return midnight + ((hour! * 60 + minute!) * 60 + second!) * 1000;
}

/** What time it was for the provider when it answered: its own `Date`, else our clock. */
export function responseTime(headers: HeaderSource, now: number): number {
  return readHttpDate(headerLines(headers, 'date')[0], now) ?? now;
}

function centuryOf(twoDigits: number, now: number): number {
  const thisYear = new Date(now).getUTCFullYear();
  const year = Math.floor(thisYear / 100) * 100 + twoDigits;
  return year > thisYear + 50 ? year - 100 : year;
}
