import { expect, it } from '@jest/globals';
import type { Limit } from '../../../lib/algorithms/limit.js';
import { tokenBucket } from '../../../lib/index.js';
import { PlainTakes } from '../../../lib/limiter/plain-takes.js';

const policy = tokenBucket({ name: 'chat', capacity: 10, rate: 1 });
const placed = { id: 'chat', policy };
const charge = (cost: number, limit?: Limit, at = placed) => ({ placed: at, key: 'ada', cost, limit });

it('a take is made once for each cost of a policy, in whatever order they are asked for', () => {
  const takes = new PlainTakes();
  const made = new Set([1, 5, 1, 1, 5, 1, 5].map((cost) => takes.of(charge(cost))));
  expect([...made].map(({ cost }) => cost)).toEqual([1, 5]);
});

it('a take is made once where policies take turns, and anew where the limit is another', () => {
  const takes = new PlainTakes();
  const other = { id: 'other', policy };
  const of = (at: typeof placed) => takes.of(charge(1, undefined, at));
  expect(new Set([of(placed), of(other), of(placed), of(other)]).size).toBe(2);
  const { limit } = tokenBucket({ capacity: 20, rate: 1 });
  expect(takes.of(charge(1, limit)).capacity).toBe(20);
  expect(of(placed).capacity).toBe(10);
});

it('more costs than a policy has are forgotten again', () => {
  const takes = new PlainTakes();
  const first = takes.of(charge(1));
  for (let cost = 2; cost < 40; cost++) expect(takes.of(charge(cost)).cost).toBe(cost);
  expect(takes.of(charge(1))).not.toBe(first);
  expect(takes.of(charge(1))).toEqual(first);
});
