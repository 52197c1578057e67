/**
 * Headers as HTTP clients hand them out: the `Headers` of fetch or another object with `get`, a plain object (of Node, of
 * axios) whose names may have any case, or a function from a lower-case name. Values that are neither text, nor a number,
 * nor an array of these count as missing.
 */
export type HeaderSource =
  | { get(name: string): unknown }
  | { readonly [name: string]: unknown }
  | ((name: string) => unknown);

/** Node accepts 16 KiB of headers in all; no field read here needs a part of that, and a longer one costs time. */
const MAX_LENGTH = 8192;

/** The values of a field, one for each line of it that the client has kept apart. */
export function headerLines(source: HeaderSource, name: string): string[] {
  const value = lookUp(source, name);
  const values: unknown[] = Array.isArray(value) ? value : [value];
  const lines = values.filter(isValue).map((line) => String(line).trim());
  return lines.reduce((total, line) => total + line.length, lines.length) > MAX_LENGTH ? [] : lines;
}

/** The value of a field, its lines joined as RFC 9110, 5.3 allows; undefined where there is none. */
export function headerText(source: HeaderSource, name: string): string | undefined {
  return headerLines(source, name).join(', ') || undefined;
}

/** The members of a field that is a list, without their parameters: `100;w=60` is 100. */
export function headerMembers(source: HeaderSource, name: string): string[] {
  const text = headerText(source, name);
  return text === undefined ? [] : text.split(',').map((member) => member.replace(/;.*/s, '').trim());
}

function lookUp(source: HeaderSource, name: string): unknown {
  if (typeof source === 'function') return source(name);
  if (typeof source.get === 'function') return source.get(name);
  const headers = source as Readonly<Record<string, unknown>>;
  if (Object.hasOwn(headers, name)) return headers[name];
  const spelt = Object.keys(headers).find((key) => key.toLowerCase() === name);
  return spelt === undefined ? undefined : headers[spelt];
}

const isValue = (value: unknown): boolean => typeof value === 'string' || typeof value === 'number';
