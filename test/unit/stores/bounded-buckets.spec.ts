import { describe, expect, it } from '@jest/globals';
import { algorithms } from '../../../lib/algorithms/index.js';
import type { Limit } from '../../../lib/algorithms/limit.js';
import { type BucketRecord, FOREVER } from '../../../lib/algorithms/record.js';
import { leakyBucket, tokenBucket } from '../../../lib/index.js';
import { BoundedBuckets } from '../../../lib/stores/memory/bounded-buckets.js';
import { roomFor } from '../../../lib/stores/memory/bucket-rank.js';
import { Random } from '../../support/oracle/scenario.js';

const NOW = 1_000_000;

/** So many tokens that next to nothing of them is missing. */
const LARGE = 1e9;

/** A bucket that is full again so long after `NOW`. */
const fullIn = (micros: number): BucketRecord => ({
  level: NOW + micros,
  at: 0,
  ticksPerMicro: 1,
  ticksPerToken: 1,
});

function filled(entries: readonly (readonly [string, number])[], maxKeys = entries.length): BoundedBuckets {
  const buckets = new BoundedBuckets(maxKeys);
  for (const [key, micros] of entries) buckets.set(key, fullIn(micros), NOW, LARGE);
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

const HOUR = 3_600_000_000;
const ROOM = 10;

/** Of `ROOM` tokens so many are missing, and the last one of them is back after so long. */
const missing = (tokens: number, micros: number, more: Partial<BucketRecord> = {}): BucketRecord => ({
  ...{ level: micros, at: NOW, ticksPerMicro: 1, ticksPerToken: micros / tokens },
  ...more,
});

describe('a flood of new keys', () => {
  /** By default of one request each, to a policy so slow that each is full later than all others. */
  const flood = (buckets: BoundedBuckets, count: number, tokens = 1, start = 0) => {
    for (let i = start; i < start + count; i++)
      buckets.set(`flood${i}`, missing(tokens, 1000 * HOUR), NOW, ROOM);
  };

  const victims = names(100, 'victim');

  it.each([
    ['refuse', missing(ROOM, 60_000_000)],
    ['have less than a token left', missing(ROOM - 0.999, 60_000_000)],
    ['are in debt', missing(3 * ROOM, 60_000_000)],
    ['are blocked, though they are full otherwise', missing(0.001, 1, { blocked: NOW + 1 })],
    ['are blocked for good', missing(1, 1, { blocked: FOREVER })],
  ])('frees none of those that %s, though they are free again sooner, and stand in a row', (_, record) => {
    const buckets = new BoundedBuckets(1000);
    for (const name of victims) buckets.set(name, record, NOW, ROOM);
    flood(buckets, 5000);
    expect(kept(buckets, victims)).toEqual(victims);
  });

  it('frees those of which less is used first', () => {
    const buckets = new BoundedBuckets(100);
    const used = names(90, 'used');
    for (const [i, name] of used.entries()) buckets.set(name, missing(1 + (i % 9), HOUR), NOW, ROOM);
    flood(buckets, 10);
    flood(buckets, 50, 6, 10);
    // 10 of the flood, and 40 of those of which 1, 2, 3 or 4 tokens are missing.
    expect(kept(buckets, used)).toEqual(used.filter((_, i) => i % 9 >= 4));
  });

  it('frees one that refuses only once all the others do: each costs the attacker a whole bucket', () => {
    const buckets = new BoundedBuckets(1000);
    buckets.set('blocked', missing(1, HOUR, { blocked: NOW + HOUR }), NOW, ROOM);
    buckets.set('victim', missing(ROOM, HOUR), NOW, ROOM);
    flood(buckets, 5000, ROOM - 1);
    flood(buckets, 998, ROOM, 5000);
    expect(kept(buckets, ['victim'])).toEqual(['victim']);
    flood(buckets, 1000, ROOM, 10_000);
    expect(kept(buckets, ['victim', 'blocked'])).toEqual(['blocked']);
  });

  it('takes the place of what has refused and does no longer, before that of what is used now', () => {
    const buckets = new BoundedBuckets(200);
    for (const name of victims) buckets.set(name, missing(ROOM, 1000), NOW, ROOM);
    const used = names(100, 'used');
    for (const name of used) buckets.set(name, missing(2, HOUR), NOW, ROOM);
    const later = NOW + 1000;
    for (let i = 0; i < 100; i++) buckets.set(`flood${i}`, { ...missing(1, HOUR), at: later }, later, ROOM);
    expect(kept(buckets, victims)).toEqual([]);
    expect(kept(buckets, used)).toEqual(used);
  });
});

describe('random writes to a bounded map of buckets', () => {
  const refuses = (record: BucketRecord, now: number) => {
    const left = ROOM * record.ticksPerToken - (record.level - (now - record.at));
    return left < record.ticksPerToken || (record.blocked ?? 0) > now;
  };

  it.each([1, 2, 3, 4])(
    'never drop one that refuses while another did not when it was written (seed %i)',
    (seed) => {
      const random = new Random(seed);
      const buckets = new BoundedBuckets(30);
      const written = new Map<string, { record: BucketRecord; refused: boolean }>();
      let [now, dropped] = [NOW, 0];
      for (let i = 0; i < 20_000; i++) {
        now += random.below(50);
        const key = `key${random.below(200)}`;
        const blocked = random.chance(0.1) ? { blocked: now + random.spread(5000) } : {};
        const level = missing(
          i % 1000 < 500 ? random.below(ROOM) + 1 : ROOM,
          random.spread(100_000),
          blocked,
        );
        const record = { ...level, at: now };
        buckets.set(key, record, now, ROOM);
        written.delete(key);
        const gone = [...written].filter(([name]) => buckets.get(name) === undefined);
        for (const [name] of gone) written.delete(name);
        for (const [, { record: lost }] of gone) {
          if (!refuses(lost, now)) continue;
          dropped++;
          expect([...written.values()].filter(({ refused }) => !refused)).toEqual([]);
        }
        written.set(key, { record, refused: refuses(record, now) });
      }
      expect(dropped).toBeGreaterThan(10);
      expect(buckets.size).toBe(30);
    },
  );
});

describe('the room of a bucket', () => {
  const roomOf = (limit: Limit | undefined, cost: number, waits = false) => {
    const known = limit as Limit;
    return roomFor(algorithms[known.algorithm](known, 'key', cost, waits ? {} : undefined));
  };

  it('is its capacity, whatever a request costs and whether it waits', () => {
    const { limit } = tokenBucket({ capacity: 10, rate: 1 });
    expect([roomOf(limit, 1), roomOf(limit, 10), roomOf(limit, 3, true)]).toEqual([10, 10, 10]);
    expect(roomOf(leakyBucket({ capacity: 10, rate: 1 }).limit, 2)).toBe(10);
  });

  it('is as many as fit into the longest wait, where that comes first', () => {
    const { limit } = leakyBucket({ capacity: 1000, rate: 10, maxWaitMs: 500 });
    expect([roomOf(limit, 1), roomOf(limit, 2)]).toEqual([6, 7]);
  });
});
