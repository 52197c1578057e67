const MAX_LENGTH = 80;

/** A value with its type, short enough for a message: `"10" (string)`. */
export function show(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  const text = typeof value === 'string' ? JSON.stringify(value) : describe(value);
  const short = text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
  return `${short} (${Array.isArray(value) ? 'array' : typeof value})`;
}

/** What is shown is wrong already, and may be anything: a name that is no text, or that cannot be read. */
function describe(value: unknown): string {
  if (typeof value === 'function') return textOf(() => value.name) || 'anonymous function';
  if (typeof value !== 'object') return String(value);
  return textOf(() => value?.constructor.name) ?? 'object without prototype';
}

function textOf(read: () => unknown): string | undefined {
  try {
    const text = read();
    return typeof text === 'string' ? text : undefined;
  } catch {
    return undefined;
  }
}
