import { describe, expect, it } from '@jest/globals';
import { SlotOrder } from '../../../lib/limiter/waiting/slot-order.js';

describe('the starts of a line', () => {
  it.each<[string, [slot: number, startAt: number, expected: number][]]>([
    [
      'of one slot are one start, whatever their replies told',
      [
        [1000, 5.0003, 5.0003],
        [1000, 5.0001, 5.0003],
        [1000, 5.0007, 5.0003],
      ],
    ],
    [
      'of later slots are not earlier',
      [
        [1000, 5, 5],
        [1001, 4.9, 5],
        [2000, 6, 6],
      ],
    ],
    [
      'of an earlier slot are their own',
      [
        [2000, 6, 6],
        [1000, 5, 5],
        [1500, 4, 5],
      ],
    ],
  ])('%s', (_, starts) => {
    const order = new SlotOrder();
    expect(starts.map(([slot, startAt]) => order.startOf('line', { slot, startAt }))).toEqual(
      starts.map(([, , expected]) => expected),
    );
  });

  it('do not mind another line, or none', () => {
    const order = new SlotOrder();
    order.startOf('line', { slot: 1, startAt: 9 });
    expect(order.startOf('other', { slot: 1, startAt: 5 })).toBe(5);
    expect(order.startOf(undefined, { slot: 1, startAt: 5 })).toBe(5);
  });

  it('are forgotten beyond a thousand lines', () => {
    const order = new SlotOrder();
    order.startOf('first', { slot: 1, startAt: 9 });
    for (let i = 0; i < 1000; i++) order.startOf(`line ${i}`, { slot: 1, startAt: 9 });
    expect(order.startOf('first', { slot: 1, startAt: 5 })).toBe(5);
  });
});
