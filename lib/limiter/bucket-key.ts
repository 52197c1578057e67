import { createHash } from 'node:crypto';

/** Longer keys are hashed, so that hostile text costs no memory. */
export const MAX_LENGTH = 128;

// White space, controls, the escape sign, the braces of a hash tag, and surrogates without their partner.
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not pass
  /[\s%{}\u0000-\u001f\u007f-\u009f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** What most keys are: text that nothing has to be done to. Looked at first, for that is much quicker. */
const SAFE = /^[!-$&-z|~]{1,128}$/;

/** What `escapeText` writes. */
const ESCAPE = /%u([0-9a-f]{4})|%([0-9a-f]{2})/g;

/**
 * The name of a bucket: `policy:{key}`. The braces make all buckets of one key live in one slot of a Redis Cluster.
 * Injective: two keys never share a name.
 */
export function bucketKey(policy: string, key: string): string {
  if (policy === last.policy && key === last.key) return last.name;
  const name = `${escapeText(policy)}:{${keyPart(key)}}`;
  if (key.length <= MAX_LENGTH) last = { policy, key, name };
  return name;
}

/** What the names of all buckets of a policy begin with, before a colon. */
export const policyPart = (policy: string): string => escapeText(policy);

/** That part of the name of a bucket. Braces inside it are escaped, so the first one ends it. */
export const policyPartOf = (name: string): string => name.slice(0, name.indexOf(':{'));

/** The key of a bucket by its name; undefined where it was so long that only its hash is in the name. */
export function keyOf(name: string): string | undefined {
  const part = name.slice(name.indexOf('{') + 1, -1);
  if (part === '%-') return '';
  if (part.startsWith('%#')) return undefined;
  return part.replace(ESCAPE, (_, four, two) => String.fromCharCode(Number.parseInt(four ?? two, 16)));
}

/** Those who wait in one line keep one text, and not each their own. */
let last = { policy: '', key: '', name: ':{%-}' };

/** The part of the name in braces. */
export function keyPart(key: string): string {
  if (SAFE.test(key)) return key;
  // An empty hash tag is none at all. No escape reads `%-` or `%#`.
  if (key === '') return '%-';
  // What is too long already is not escaped first: for a megabyte that would take a second.
  const escaped = key.length <= MAX_LENGTH ? escapeText(key) : '';
  return escaped !== '' && escaped.length <= MAX_LENGTH ? escaped : `%#${hash(key)}`;
}

/** Of UTF-16, for UTF-8 has one and the same substitute for all lone surrogates. */
function hash(key: string): string {
  return createHash('sha256').update(key, 'utf16le').digest('base64url');
}

function escapeText(text: string): string {
  if (SAFE.test(text)) return text;
  return text.replace(UNSAFE, (unit) => {
    const code = unit.charCodeAt(0);
    return code > 0xff ? `%u${code.toString(16)}` : `%${code.toString(16).padStart(2, '0')}`;
  });
}
