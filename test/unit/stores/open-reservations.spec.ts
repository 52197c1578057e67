import { describe, expect, it } from '@jest/globals';
import type { Reserved } from '../../../lib/algorithms/settlement.js';
import { OpenReservations } from '../../../lib/stores/memory/open-reservations.js';

const reserved = (at: number, until: number): Reserved => ({
  ...{ cost: 1, capacity: 1, level: 1, ticksPerToken: 1, ticksPerMicro: 1, returned: 0, lost: 0 },
  ...{ at, until, reserved: undefined },
});

describe('open reservations in memory', () => {
  it('are taken once, and not when their time is over', () => {
    const open = new OpenReservations(10);
    open.add('b:{a}', 'one', reserved(0, 10));
    open.add('b:{a}', 'two', reserved(0, 10));
    expect(open.take('b:{b}', 'one', 0)).toBeUndefined();
    expect(open.take('b:{a}', 'one', 9)).toMatchObject({ until: 10 });
    expect(open.take('b:{a}', 'one', 9)).toBeUndefined();
    expect(open.take('b:{a}', 'two', 10)).toBeUndefined();
    expect(open.size).toBe(0);
  });

  it('are never more than the bound: the oldest go first', () => {
    const open = new OpenReservations(3);
    for (let i = 0; i < 5; i++) open.add('b', `${i}`, reserved(i, 1000));
    expect(open.size).toBe(3);
    expect(['0', '1', '2', '3', '4'].filter((id) => open.take('b', id, 5))).toEqual(['2', '3', '4']);
  });

  it('go when their time is over, as others come', () => {
    const open = new OpenReservations(1000);
    for (let i = 0; i < 100; i++) open.add('b', `${i}`, reserved(i, i + 10));
    expect(open.size).toBe(10);
  });
});
