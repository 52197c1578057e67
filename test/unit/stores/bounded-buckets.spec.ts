import { describe, expect, it } from '@jest/globals';
import type { BucketRecord } from '../../../lib/algorithms/record.js';
import { BoundedBuckets } from '../../../lib/stores/memory/bounded-buckets.js';

const NOW = 1_000_000;

/** A bucket that is full again so long after `NOW`. */
const fullIn = (micros: number): BucketRecord => ({
  level: NOW + micros,
  at: 0,
  ticksPerMicro: 1,
  ticksPerToken: 1,
});

function filled(entries: readonly (readonly [string, number])[], maxKeys = entries.length): BoundedBuckets {
  const buckets = new BoundedBuckets(maxKeys);
  for (const [key, micros] of entries) buckets.set(key, fullIn(micros), NOW);
  return buckets;
}

const names = (count: number, prefix: string) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
const kept = (buckets: BoundedBuckets, keys: readonly string[]) =>
  keys.filter((key) => buckets.get(key) !== undefined);

describe('a bounded map of buckets', () => {
  it.each([1, 2, 15, 16, 17, 1000])('never holds more than %p, and always the newest', (maxKeys) => {
    const buckets = new BoundedBuckets(maxKeys);
    const wrong = names(3 * maxKeys + 50, 'key').filter((key, i) => {
      buckets.set(key, fullIn(1 + ((i * 7919) % 1000)), NOW);
      return buckets.size > maxKeys || buckets.get(key) === undefined;
    });
    expect(wrong).toEqual([]);
  });

  it('drops nothing while there is room, not even what is full', () => {
    const buckets = filled([['full', -1]], 3);
    buckets.set('one', fullIn(1), NOW);
    buckets.set('two', fullIn(1), NOW);
    expect(kept(buckets, ['full', 'one', 'two'])).toEqual(['full', 'one', 'two']);
  });

  it('drops nothing to write a key that it holds', () => {
    const buckets = filled([
      ['full', -1],
      ['one', 10],
    ]);
    buckets.set('one', fullIn(20), NOW);
    expect(kept(buckets, ['full', 'one'])).toEqual(['full', 'one']);
    expect(buckets.get('one')).toEqual(fullIn(20));
  });

  it('drops all that it finds full, for absence means full, and nothing that drains', () => {
    const buckets = filled([
      ['slow', 500],
      ['full', -1],
      ['soon', 1],
      ['just full', 0],
    ]);
    buckets.set('new', fullIn(10), NOW);
    expect(kept(buckets, ['slow', 'full', 'soon', 'just full', 'new'])).toEqual(['slow', 'soon', 'new']);
  });

  it('drops the one that is full soonest where all still drain', () => {
    const buckets = filled([
      ['slow', 500],
      ['soon', 1],
      ['slower', 501],
    ]);
    buckets.set('new', fullIn(10), NOW);
    expect(kept(buckets, ['slow', 'soon', 'slower', 'new'])).toEqual(['slow', 'slower', 'new']);
  });

  it.each([
    ['not at the 17th, though it is full sooner', [], 'old0'],
    ['at the 17th, once one before it was written again', ['old0'], 'younger'],
  ])('looks at the 16 that were not written for longest: %s', (_, written, dropped) => {
    const old = names(16, 'old');
    const buckets = filled([...old.map((name, i) => [name, 500 + i] as const), ['younger', 1]]);
    for (const name of written) buckets.set(name, fullIn(500), NOW);
    buckets.set('new', fullIn(10), NOW);
    const all = [...old, 'younger', 'new'];
    expect(kept(buckets, all)).toEqual(all.filter((name) => name !== dropped));
  });

  it('forgets what is deleted, and everything when it is cleared', () => {
    const buckets = filled([['one', 1]]);
    expect([buckets.delete('one'), buckets.delete('one'), buckets.size]).toEqual([true, false, 0]);
    buckets.set('two', fullIn(1), NOW);
    buckets.clear();
    expect([buckets.size, buckets.get('two')]).toEqual([0, undefined]);
  });
});

describe('a flood of new keys', () => {
  const HOUR = 3_600_000_000;
  const flood = (buckets: BoundedBuckets, count: number) => {
    for (let i = 0; i < count; i++) buckets.set(`flood${i}`, fullIn(1000), NOW);
  };

  it('does not free those that are blocked for longer', () => {
    const blocked = names(100, 'blocked');
    const buckets = filled(
      blocked.flatMap((name, i) => [[name, HOUR] as const, [`other${i}`, 1000] as const]),
      1000,
    );
    flood(buckets, 50_000);
    expect(kept(buckets, blocked)).toEqual(blocked);
  });

  it('frees one in 16 of them at most, even where they stand in a row', () => {
    const blocked = names(320, 'blocked');
    const buckets = filled(
      blocked.map((name) => [name, HOUR] as const),
      1000,
    );
    flood(buckets, 50_000);
    expect(kept(buckets, blocked).length).toBeGreaterThanOrEqual(300);
  });
});
