import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { waitUntil } from '../../../lib/limiter/wait.js';

afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

describe('waiting until a time', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });

  it('ends at that time and not a millisecond before', async () => {
    let ended = false;
    const waiting = waitUntil(performance.now() + 250).then(() => {
      ended = true;
    });
    await jest.advanceTimersByTimeAsync(249);
    expect(ended).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    await waiting;
    expect(ended).toBe(true);
  });

  it.each([0, -1, -1e9])('sets no timer for a time that is %p ms away', async (left) => {
    await waitUntil(performance.now() + left);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('waits longer than one timer can', async () => {
    const month = 31 * 86_400_000;
    let ended = false;
    const waiting = waitUntil(performance.now() + month).then(() => {
      ended = true;
    });
    await jest.advanceTimersByTimeAsync(month - 1);
    expect(ended).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    await waiting;
  });
});

it('sets another timer for what an early one has left', async () => {
  // The times at which the clock is read: timers of 10, 1 and 1 ms fire early, the last one late.
  const times = [0, 9.2, 9.999, 10.4];
  jest.spyOn(performance, 'now').mockImplementation(() => times.shift() ?? 1000);
  const delays: unknown[] = [];
  jest.spyOn(globalThis, 'setTimeout').mockImplementation(((fire: () => void, ms: number) => {
    delays.push(ms);
    queueMicrotask(fire);
  }) as typeof setTimeout);
  await waitUntil(10);
  expect(delays).toEqual([10, 1, 1]);
});
