import { describe, expect, it } from '@jest/globals';
import { serializeList } from 'structured-headers';
import type { Limit } from '../../../lib/algorithms/limit.js';
import { tokenBucket } from '../../../lib/index.js';
import type { Outcome } from '../../../lib/limiter/judgement.js';
import { rateLimitField, rateLimitPolicyField } from '../../../lib/transport/http/ratelimit-fields.js';

const policies = [
  tokenBucket({ capacity: 10, rate: '10/min' }),
  tokenBucket({ capacity: 2 ** 53 - 1, rate: 1e6 }),
  tokenBucket({ capacity: 3, rate: '1/day' }),
];

const outcome = (id: string, limit: Limit, remaining: number): Outcome =>
  ({
    placed: { id, policy: policies[0] },
    limit,
    decision: { remaining },
    level: (limit.capacity - remaining) * limit.scale.ticksPerToken,
    block: 0,
  }) as unknown as Outcome;

/** A list as the library for structured fields writes it. */
const written = (members: readonly [string, Record<string, number>][]) =>
  serializeList(members.map(([id, parameters]) => [id, new Map(Object.entries(parameters))]));

const MAX = 999_999_999_999_999;

describe('the fields of draft 11', () => {
  const [ten, huge, slow] = policies.map(({ limit }) => limit as Limit);

  it('are written as a library for structured fields writes them', () => {
    const outcomes = [outcome('chat', ten!, 4), outcome('a "quote" \\ and a slash', slow!, 1)];
    expect(rateLimitPolicyField(outcomes)).toBe(
      written([
        ['chat', { q: 10, w: 60 }],
        ['a "quote" \\ and a slash', { q: 3, w: 3 * 86_400 }],
      ]),
    );
    expect(rateLimitField(outcomes)).toBe(
      written([
        ['chat', { r: 4, t: 6 }],
        ['a "quote" \\ and a slash', { r: 1, t: 86_400 }],
      ]),
    );
  });

  it('have no number that is no integer of a structured field', () => {
    expect(rateLimitPolicyField([outcome('huge', huge!, 0)])).toContain(`;q=${MAX};`);
    expect(rateLimitField([outcome('huge', huge!, 2 ** 53 - 2)])).toContain(`;r=${MAX};`);
  });

  it('follow the limit of each request, and of each policy of one limit the name', () => {
    const placed = { id: 'plan', policy: policies[0]! };
    const of = (limit: Limit) => ({ ...outcome('plan', limit, 1), placed });
    const fields = [ten!, slow!, ten!].map((limit) => rateLimitPolicyField([of(limit)]));
    expect(fields).toEqual(['"plan";q=10;w=60', '"plan";q=3;w=259200', '"plan";q=10;w=60']);
    expect(rateLimitPolicyField([outcome('other', ten!, 1)])).toBe('"other";q=10;w=60');
  });
});
