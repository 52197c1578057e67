import { bucketKey } from '../../lib/limiter/bucket-key.js';
import { Random } from './oracle/scenario.js';

/** What one parser or another takes for its own: HTTP, Redis, UTF-8 and UTF-16, regular expressions, JavaScript, ours. */
// biome-ignore format: one kind of awkwardness a line
const FRAGMENTS = [
  '\r', '\n', '\r\n', '\r\n\r\n', '\r\nInjected: yes', '\nInjected: yes', '\r\n ', '\t', ' ', ': ', ';', ',', '"', '=',
  '\r\n$5\r\nhello\r\n', '*1\r\n$8\r\nFLUSHALL\r\n', '{', '}', '{}', '}{', '{a}', '*', '?', '[a-z]', '\\', '\\x00',
  '\0', '\u0001', '\u007f', '\u0080', '\u0085', '\u009f', '\u00a0', '\u200b', '\u2028', '\u202e', '\ufeff', '\uffff',
  '\ud800', '\udbff', '\udc00', '\udfff', '\ud83d\ude00', '\ude00\ud83d', '\ud83d', '\ufffd',
  '\u00e9', 'e\u0301', '\u00c5', '\u212b', 'A\u030a', '\ufb01', 'fi', '\u00df', 'ss', '\u0130', 'i\u0307', '\uff11', '\u0661', '\uff41', '\u0430',
  '%', '%%', '%25', '%2525', '%7b', '%7B', '%0d%0a', '%00', '%u2028', '%u', '%-', '%#', '%d800', '&#123;', '\\u007b',
  '|', '%7C', '%7c', 'user|', 'anonymous|', '#2', ':', '::', 'floodgate:', 'chat:{a}', '.', '..', '/', '../..', '@2',
  '__proto__', 'constructor', 'toString', 'undefined', 'null', 'NaN', '[object Object]', '0', '-0', '1e21', '$&', '$1',
  'a', 'b', 'A', 'aa', 'ab', '10.0.0.1', '::1', '::ffff:10.0.0.1', 'true', "' OR 1=1", '<script>', '#{7*7}',
];

const MEGABYTE = 2 ** 20;

/** So many different texts, the same for a seed. The first ones are the worst: none, and those of a megabyte. */
export function hostileTexts(count: number, seed = 1): string[] {
  const texts = new Set(['', ...long(), ...FRAGMENTS, ...prefixes('a', 300), ...prefixes('%', 60)]);
  // What we would write for another text is a text too.
  for (const text of [...texts]) texts.add(bucketKey('chat', text).slice('chat:{'.length, -1));
  const random = new Random(seed);
  while (texts.size < count) {
    const parts = Array.from({ length: 2 + random.below(7) }, () => random.pick(FRAGMENTS));
    texts.add(parts.join(''));
  }
  return [...texts].slice(0, count);
}

function long(): string[] {
  const megabytes = ['a', ' ', '%', '\n', '\0', '{', '\ud800', '\ud83d\ude00', 'é', 'e\u0301'].map((unit) =>
    unit.repeat(MEGABYTE / unit.length),
  );
  // Different in their last character, or in their first.
  return [...megabytes, ...megabytes.flatMap((text) => [`${text}\udc00`, `\ud800${text}`])];
}

const prefixes = (unit: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => unit.repeat(i + 1));
