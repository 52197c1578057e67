// The judge of the other test: it must bear what the leaky bucket promises, and little more.
import { expect, it } from '@jest/globals';
import { Arrivals } from '../src/arrivals.js';

/** How many of these requests the service bears. */
function borne(times: number[]): number {
  const arrivals = new Arrivals();
  return times.filter((time) => arrivals.add(time)).length;
}

const slots = Array.from({ length: 60 }, (_, i) => 100 * i);

/** What should have arrived from the second second on arrives together, when the delay is over. */
function heldUpFor(delay: number): number[] {
  return slots.map((slot) => (slot >= 2000 ? Math.max(slot, 2000 + delay) : slot));
}

it.each<[string, number[], number]>([
  ['a tenth of a second apart', slots, 60],
  ['held up for 300 ms', heldUpFor(300), 60],
  ['held up for 301 ms', heldUpFor(301), 59],
  ['thirteen a second', Array.from({ length: 60 }, (_, i) => 77 * i), 60],
  ['fourteen a second', Array.from({ length: 60 }, (_, i) => 71 * i), 13],
  ['at once', Array(60).fill(0), 13],
  ['fourteen, the last a second after the first', [...Array(13).fill(0), 1000], 14],
  ['fourteen, the last within a second', [...Array(13).fill(0), 999.999], 13],
])('%s', (_, times, expected) => {
  expect(borne(times)).toBe(expected);
});

it('counts what it was asked to bear', () => {
  const arrivals = new Arrivals();
  const nothing = { served: 0, refused: 0, busiestSecond: 0, close: 0, closestGapMs: null };
  expect(arrivals.stats()).toEqual(nothing);
  for (const time of [0, 1500, 1550, 1590, 1700]) arrivals.add(time);
  expect(arrivals.stats()).toEqual({ ...nothing, served: 5, busiestSecond: 4, close: 1, closestGapMs: 40 });
  for (let i = 0; i < 10; i++) arrivals.add(1700);
  expect(arrivals.stats()).toEqual({ served: 14, refused: 1, busiestSecond: 14, close: 11, closestGapMs: 0 });
});
