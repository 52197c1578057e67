import { describe, expect, it } from '@jest/globals';
import { bucketKey, keyOf } from '../../../lib/limiter/bucket-key.js';
import { hostileTexts } from '../../support/hostile-texts.js';

/** What escapes, hash tags, encodings and line protocols trip over. */
const ALPHABET = ['%', '{', '}', '|', ':', 'a', '\ud800', '\udc00', 'é', ' ', '\n', '\0'];
/** Exactly one pair of braces, at the end, with something in it; no white space, no controls, no broken pairs. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const WELL_FORMED = /^[^\s{}\u0000-\u001f\u007f-\u009f]*:\{[^\s{}\u0000-\u001f\u007f-\u009f]+\}$/;

/** Every text of at most so many characters. */
function texts(maxLength: number): string[] {
  if (maxLength === 0) return [''];
  return ['', ...texts(maxLength - 1).flatMap((text) => ALPHABET.map((character) => character + text))];
}

const isWellFormed = (name: string) => WELL_FORMED.test(name) && Buffer.from(name).toString() === name;

describe('the name of a bucket', () => {
  const keys = [...new Set(texts(4))];

  it('is another for every other key', () => {
    expect(keys.length).toBe(12 ** 4 + 12 ** 3 + 12 ** 2 + 12 + 1);
    const names = new Map(keys.map((key) => [bucketKey('chat', key), key]));
    expect(names.size).toBe(keys.length);
  });

  it('is another for every other pair of policy and key', () => {
    const short = [...new Set(texts(2))];
    const names = short.flatMap((policy) => short.map((key) => bucketKey(policy, key)));
    expect(new Set(names).size).toBe(short.length ** 2);
  });

  it('holds no white space, no controls, no lone surrogates, and no braces but those of its hash tag', () => {
    expect(keys.map((key) => bucketKey('chat', key)).filter((name) => !isWellFormed(name))).toEqual([]);
    expect(keys.map((key) => bucketKey(key, 'key')).filter((name) => !isWellFormed(name))).toEqual([]);
  });

  it('stays distinct as UTF-8, which knows no lone surrogates', () => {
    const bytes = keys.map((key) => Buffer.from(bucketKey('chat', key)).toString('latin1'));
    expect(new Set(bytes).size).toBe(keys.length);
  });

  it('says which key it is of, but where that is a hash', () => {
    const hostile = hostileTexts(3000);
    for (const key of [...keys, ...hostile]) {
      const name = bucketKey('a{b}', key);
      expect(keyOf(name)).toBe(name.includes('{%#') ? undefined : key);
    }
    expect(hostile.filter((key) => keyOf(bucketKey('chat', key)) === undefined).length).toBeLessThan(600);
  });

  it.each([
    ['10.0.0.1', 'chat:{10.0.0.1}'],
    ['2001:db8::/64', 'chat:{2001:db8::/64}'],
    ['user|42', 'chat:{user|42}'],
    ['José', 'chat:{José}'],
    ['😀', 'chat:{😀}'],
  ])('shows the plain key %p as it is', (key, name) => {
    expect(bucketKey('chat', key)).toBe(name);
  });

  it.each([
    ['', 'chat:{%-}'],
    ['%-', 'chat:{%25-}'],
    [' ', 'chat:{%20}'],
    ['a{b}', 'chat:{a%7bb%7d}'],
    ['a\r\nb', 'chat:{a%0d%0ab}'],
    ['\0', 'chat:{%00}'],
    ['%20', 'chat:{%2520}'],
    ['\u0085', 'chat:{%85}'],
    ['\u00a0', 'chat:{%a0}'],
    ['\u2028', 'chat:{%u2028}'],
    ['\ufeff', 'chat:{%ufeff}'],
    ['\ud83d', 'chat:{%ud83d}'],
    ['\ude00\ud83d', 'chat:{%ude00%ud83d}'],
    ['\ud83d\ud83d\ude00\ude00', 'chat:{%ud83d😀%ude00}'],
    ['%u2028', 'chat:{%25u2028}'],
  ])('escapes %j as %s', (key, name) => {
    expect(bucketKey('chat', key)).toBe(name);
  });

  it('tells composed and decomposed letters, and digits of other scripts, apart', () => {
    const keys = ['é', 'e\u0301', 'É', 'ﬁ', 'fi', '1', '１', '١', '\u00c5', '\u212b'];
    expect(new Set(keys.map((key) => bucketKey('chat', key))).size).toBe(keys.length);
  });
});

describe('the name of a bucket of a long key', () => {
  const hashed = /^chat:\{%#[\w-]{43}\}$/;

  it('shows 128 characters, and hashes 129', () => {
    expect(bucketKey('chat', 'a'.repeat(128))).toBe(`chat:{${'a'.repeat(128)}}`);
    expect(bucketKey('chat', 'a'.repeat(129))).toMatch(hashed);
  });

  it('counts what escapes add', () => {
    expect(bucketKey('chat', ' '.repeat(42))).toBe(`chat:{${'%20'.repeat(42)}}`);
    expect(bucketKey('chat', ' '.repeat(43))).toMatch(hashed);
  });

  it.each([
    ['ASCII', 'a'],
    ['percent signs', '%'],
    ['lone surrogates', '\ud800'],
    ['line breaks', '\r\n'],
    ['emoji', '😀'],
  ])('has 51 characters for 1 MB of %s', (_, character) => {
    const key = character.repeat(1_000_000 / character.length);
    expect(bucketKey('chat', key)).toMatch(hashed);
    expect(bucketKey('chat', `${key}a`)).not.toBe(bucketKey('chat', key));
  });

  it('takes no longer for what escapes would make longer still', () => {
    const time = (character: string) => {
      const key = character.repeat(2_000_000);
      const start = performance.now();
      bucketKey('chat', key);
      return performance.now() - start;
    };
    const plain = Math.min(...[1, 2, 3, 4, 5].map(() => time('a')));
    expect(Math.min(...[1, 2, 3, 4, 5].map(() => time('\n')))).toBeLessThan(20 * plain);
  });

  it('is no text that a key could spell', () => {
    const name = bucketKey('chat', 'a'.repeat(200));
    const spelt = name.slice('chat:{'.length, -1);
    expect(bucketKey('chat', spelt)).not.toBe(name);
    expect(bucketKey('chat', spelt)).toBe(`chat:{${spelt.replace('%', '%25')}}`);
  });

  it('is another for every other key, lone surrogates included', () => {
    const start = 'a'.repeat(200);
    const keys = texts(3).map((end) => start + end);
    expect(new Set(keys.map((key) => bucketKey('chat', key))).size).toBe(new Set(keys).size);
  });
});
