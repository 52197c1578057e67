import { describe, expect, it } from '@jest/globals';
import { BucketsByPolicy, partsOf } from '../../../lib/stores/buckets-by-policy.js';

describe('buckets by policy and key', () => {
  it('are told apart by both', () => {
    const buckets = new BucketsByPolicy<number>();
    buckets.set('a', 'x', 1);
    buckets.set('b', 'x', 2);
    buckets.set('a', 'y', 3);
    expect([
      buckets.get('a', 'x'),
      buckets.get('b', 'x'),
      buckets.get('a', 'y'),
      buckets.get('b', 'y'),
    ]).toEqual([1, 2, 3, undefined]);
  });

  it('are forgotten one by one, and come again when the last of a policy has gone', () => {
    const buckets = new BucketsByPolicy<number>();
    buckets.set('a', 'x', 1);
    buckets.delete('b', 'x');
    expect(buckets.get('a', 'x')).toBe(1);
    buckets.delete('a', 'x');
    expect(buckets.get('a', 'x')).toBeUndefined();
    buckets.set('a', 'y', 2);
    buckets.set('b', 'y', 3);
    expect([buckets.get('b', 'y'), buckets.get('a', 'y')]).toEqual([3, 2]);
    buckets.clear();
    expect(buckets.get('a', 'y')).toBeUndefined();
  });

  it.each([
    ['daily:{ada}', ['daily', 'ada']],
    ['a:b:{c:{d}', ['a:b', 'c:{d']],
    ['daily:{%-}', ['daily', '%-']],
    ['limits', ['limits', '']],
    ['limit', ['limit', '']],
  ])('have the parts of their names: %s', (name, parts) => {
    expect(partsOf(name)).toEqual(parts);
  });
});
