import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Deadlines, type Timed } from '../../../lib/resilience/deadlines.js';

let deadlines: Deadlines;
let log: string[];

beforeEach(() => {
  jest.useFakeTimers();
  deadlines = new Deadlines();
  log = [];
});
afterEach(() => {
  jest.useRealTimers();
});

function call(name: string, afterMs: number): Timed {
  const timed = { until: performance.now() + afterMs, place: 0, giveUp: () => log.push(name) };
  deadlines.add(timed);
  return timed;
}

/** So much later. What stands behind the timers of a moment comes before the next millisecond is over. */
const later = (ms: number) => jest.advanceTimersByTimeAsync(ms);

describe('the deadlines of calls under way', () => {
  it('give each up at its own time, whatever the order they came in', async () => {
    for (const ms of [30, 10, 20, 40, 10]) call(`after ${ms}`, ms);
    await later(9);
    expect(log).toEqual([]);
    await later(2);
    expect(log).toEqual(['after 10', 'after 10']);
    await later(10);
    expect(log.slice(2)).toEqual(['after 20']);
    await later(20);
    expect(log.slice(3)).toEqual(['after 30', 'after 40']);
  });

  it('leave alone who was answered, first, last, or in between', async () => {
    const calls = [1, 2, 3, 4, 5].map((i) => call(String(i), 10));
    for (const i of [2, 0, 4]) deadlines.remove(calls[i] as Timed);
    await later(11);
    expect(log.sort()).toEqual(['2', '4']);
  });

  it('leave alone who is answered in the same turn of the event loop as the timer', async () => {
    const late = call('late', 10);
    setTimeout(() => deadlines.remove(late), 10);
    await later(20);
    expect(log).toEqual([]);
  });

  it('go on with who comes when the timer has run out, and while it runs for nobody', async () => {
    deadlines.remove(call('a', 10));
    await later(5);
    call('b', 10);
    await later(9);
    expect(log).toEqual([]);
    await later(2);
    call('c', 10);
    await later(11);
    expect(log).toEqual(['b', 'c']);
  });

  it('keep a process alive as long as anybody waits, and no longer', () => {
    const [first, second] = [call('a', 10), call('b', 20)];
    const timer = (deadlines as unknown as { timer: NodeJS.Timeout }).timer;
    expect(timer.hasRef()).toBe(true);
    deadlines.remove(first);
    expect(timer.hasRef()).toBe(true);
    deadlines.remove(second);
    expect(timer.hasRef()).toBe(false);
    call('c', 30);
    expect(timer.hasRef()).toBe(true);
  });
});
