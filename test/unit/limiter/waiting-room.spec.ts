import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { PlaceReturns } from '../../../lib/limiter/waiting/place-returns.js';
import { Turns } from '../../../lib/limiter/waiting/turns.js';
import { type HeapItem, WaiterHeap } from '../../../lib/limiter/waiting/waiter-heap.js';
import { type Waiter, WaitingRoom } from '../../../lib/limiter/waiting/waiting-room.js';
import { watchSignal } from '../../../lib/limiter/waiting/watch-signal.js';
import { Random } from '../../support/oracle/scenario.js';

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

const inMs = (delay: number): number => performance.now() + delay;
const { advanceTimersByTimeAsync: advance } = jest;

interface Wait {
  readonly done: Promise<unknown>;
  cancel(reason: unknown): void;
}

/** Somebody who waits in a room, with the promise that this ends. */
function enter(room: WaitingRoom, startAt: number): Wait {
  let waiter: Waiter | undefined;
  const done = new Promise((resolve) => {
    waiter = room.enter({ startAt, slot: 0, changes: [], order: 0 }, undefined, resolve);
  });
  return { done, cancel: (reason) => waiter?.cancel(reason) };
}

/** Notes the name of a wait when it ends, and the reason where it was ended early. */
function note(log: unknown[], name: unknown, { done }: Wait): void {
  done.then(
    () => log.push(name),
    (reason) => log.push([name, reason]),
  );
}

describe('a waiting room', () => {
  let room: WaitingRoom;
  let log: unknown[];

  beforeEach(() => {
    room = new WaitingRoom();
    log = [];
  });

  it('ends a wait at its time and not a millisecond before', async () => {
    note(log, 'a', enter(room, inMs(250)));
    await advance(249);
    expect([log, room.size]).toEqual([[], 1]);
    await advance(1);
    expect([log, room.size]).toEqual([['a'], 0]);
  });

  it('ends a wait whose time is a fraction of a millisecond only after it', async () => {
    note(log, 'a', enter(room, inMs(1.25)));
    await advance(1);
    expect(log).toEqual([]);
    await advance(1);
    expect(log).toEqual(['a']);
  });

  it('lets waits of one time end in the order in which they came, the others by time', async () => {
    const time = inMs(100);
    for (let name = 0; name < 20; name++) note(log, name, enter(room, time));
    note(log, 'early', enter(room, time - 50));
    note(log, 'late', enter(room, time + 50));
    for (let name = 20; name < 40; name++) note(log, name, enter(room, time));
    await advance(150);
    expect(log).toEqual(['early', ...Array.from({ length: 40 }, (_, name) => name), 'late']);
  });

  it.each([0, -1, -1e9])('lets nobody wait for a time that is %p ms away', async (left) => {
    await enter(room, inMs(left)).done;
    expect([room.size, jest.getTimerCount()]).toEqual([0, 0]);
  });

  it('lets nobody overtake those who are due, and whose timer is late', async () => {
    for (const [name, delay] of Object.entries({ second: 20, first: 10, later: 500 }))
      note(log, name, enter(room, inMs(delay)));
    const late = inMs(30);
    jest.spyOn(performance, 'now').mockReturnValue(late);
    note(log, 'third', enter(room, late - 5));
    await advance(0);
    expect([log, room.size]).toEqual([['first', 'second', 'third'], 1]);
  });

  it('waits longer than one timer can', async () => {
    const month = 31 * 86_400_000;
    note(log, 'a', enter(room, inMs(month)));
    await advance(month - 1);
    expect([log, jest.getTimerCount()]).toEqual([[], 1]);
    await advance(1);
    expect([log, jest.getTimerCount()]).toEqual([['a'], 0]);
  });

  it('has one timer for everybody, and none for nobody', async () => {
    const random = new Random(1);
    for (let i = 0; i < 1000; i++) {
      note(log, i, enter(room, inMs(1 + random.below(5000))));
      expect(jest.getTimerCount()).toBe(1);
    }
    await advance(2500);
    expect(jest.getTimerCount()).toBe(1);
    expect(log.length + room.size).toBe(1000);
    await advance(2500);
    expect([log.length, room.size, jest.getTimerCount()]).toEqual([1000, 0, 0]);
  });

  it('lets a nearer wait end at its own time, and the farther one at its', async () => {
    note(log, 'far', enter(room, inMs(1000)));
    note(log, 'near', enter(room, inMs(10)));
    await advance(10);
    expect([log, jest.getTimerCount()]).toEqual([['near'], 1]);
    await advance(989);
    expect(log).toEqual(['near']);
    await advance(1);
    expect(log).toEqual(['near', 'far']);
  });

  it('keeps the time of the others when the nearest leaves', async () => {
    const near = enter(room, inMs(10));
    note(log, 'near', near);
    note(log, 'far', enter(room, inMs(30)));
    near.cancel('gone');
    await advance(29);
    expect(log).toEqual([['near', 'gone']]);
    await advance(1);
    expect(log).toEqual([['near', 'gone'], 'far']);
  });

  it('ends a cancelled wait at once, with the reason of the first cancel', async () => {
    const waiter = enter(room, inMs(100));
    const reason = new Error('the client left');
    waiter.cancel(reason);
    waiter.cancel(new Error('once more'));
    await expect(waiter.done).rejects.toBe(reason);
    expect([room.size, jest.getTimerCount()]).toEqual([0, 0]);
  });

  it('does not mind the cancel of a wait that has ended', async () => {
    const waiter = enter(room, inMs(100));
    const other = enter(room, inMs(200));
    await advance(100);
    waiter.cancel(new Error('too late'));
    await waiter.done;
    expect([room.size, jest.getTimerCount()]).toEqual([1, 1]);
    await advance(100);
    await other.done;
  });

  it('when closed ends every wait, and later ones at once, and leaves no timer', async () => {
    for (const name of ['a', 'b', 'c']) note(log, name, enter(room, inMs(1000)));
    room.close('closed');
    note(log, 'later', enter(room, inMs(1000)));
    expect([room.size, jest.getTimerCount()]).toEqual([0, 0]);
    await advance(0);
    const [a, b, c, later] = ['a', 'b', 'c', 'later'].map((name) => [name, 'closed']);
    expect(log).toEqual([a, b, c, later]);
  });

  it('when closed twice keeps still, and lets nobody wait for what has passed', async () => {
    room.close('closed');
    room.close('again');
    await enter(room, inMs(0)).done;
    await expect(enter(room, inMs(1)).done).rejects.toBe('again');
  });
});

it('a timer that fires early is set again for what is left', async () => {
  jest.useRealTimers();
  // The timers of 10, 1 and 1 ms fire early, the last one late.
  const times = [9.2, 9.999, 10.4];
  let now = 0;
  jest.spyOn(performance, 'now').mockImplementation(() => now);
  const delays: unknown[] = [];
  jest.spyOn(globalThis, 'setTimeout').mockImplementation(((fire: () => void, ms: number) => {
    delays.push(ms);
    queueMicrotask(() => {
      now = times.shift() ?? 1000;
      fire();
    });
  }) as typeof setTimeout);
  await enter(new WaitingRoom(), 10).done;
  expect([delays, now]).toEqual([[10, 1, 1], 10.4]);
});

describe('taking turns', () => {
  const change = {
    key: 'k',
    before: undefined,
    after: { level: 1, at: 0, ticksPerToken: 1, ticksPerMicro: 1 },
  };
  const given: unknown[][] = [];
  let turns: Turns;

  beforeEach(() => {
    given.length = 0;
    turns = new Turns({ give: (...args: unknown[]) => given.push(args) } as unknown as PlaceReturns);
  });

  const place = (delay: number) => ({
    startAt: inMs(delay),
    slot: inMs(delay) * 1000,
    changes: [change],
    order: 0,
    value: undefined,
  });
  const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

  it('ends without a reason at the start, and gives nothing back', async () => {
    const { signal } = new AbortController();
    const waiting = turns.wait(place(50), watchSignal(signal));
    expect([turns.waiting, listeners(signal)]).toEqual([1, 1]);
    await advance(50);
    await waiting;
    expect([turns.waiting, listeners(signal), given]).toEqual([0, 0, []]);
  });

  it('needs no signal', async () => {
    const waiting = turns.wait(place(50));
    await advance(50);
    await waiting;
  });

  it('ends at once for a signal that is already aborted, and gives the place back', async () => {
    const signal = AbortSignal.abort('before');
    const due = place(50);
    await expect(turns.wait(due, watchSignal(signal))).rejects.toBe('before');
    expect(given).toEqual([[[change], due.startAt]]);
    expect([turns.waiting, listeners(signal), jest.getTimerCount()]).toEqual([0, 0, 0]);
  });

  it('ends with the reason of a signal that is aborted meanwhile, and gives the place back once', async () => {
    const controller = new AbortController();
    const due = place(50);
    const failure = expect(turns.wait(due, watchSignal(controller.signal))).rejects.toBe('meanwhile');
    await advance(20);
    expect(given).toEqual([]);
    controller.abort('meanwhile');
    await failure;
    expect(given).toEqual([[[change], due.startAt]]);
    expect([turns.waiting, listeners(controller.signal), jest.getTimerCount()]).toEqual([0, 0, 0]);
  });

  it('ends with an AbortError where the signal names no reason', async () => {
    const controller = new AbortController();
    const failure = expect(turns.wait(place(50), watchSignal(controller.signal))).rejects.toMatchObject({
      name: 'AbortError',
    });
    controller.abort();
    await failure;
  });

  it('does not mind a signal that is aborted after the start', async () => {
    const controller = new AbortController();
    const waiting = turns.wait(place(50), watchSignal(controller.signal));
    await advance(50);
    await waiting;
    controller.abort();
    expect(given).toEqual([]);
  });

  it('lets one signal end many waits, and no other', async () => {
    const controller = new AbortController();
    const signal = watchSignal(controller.signal);
    const many = Promise.allSettled(Array.from({ length: 100 }, () => turns.wait(place(50), signal)));
    const other = turns.wait(place(50));
    expect(listeners(controller.signal)).toBe(1);
    controller.abort('all');
    const reasons = (await many).map((result) => (result as PromiseRejectedResult).reason);
    expect([new Set(reasons), given.length, turns.waiting]).toEqual([new Set(['all']), 100, 1]);
    expect(listeners(controller.signal)).toBe(0);
    await advance(50);
    await other;
  });

  it.each([1, 2, 3])(
    'listens to a shared signal until the last of %p waits has ended, and anew for the next',
    async (count) => {
      const controller = new AbortController();
      const signal = watchSignal(controller.signal);
      const waits = Array.from({ length: count }, (_, i) => turns.wait(place(10 * (i + 1)), signal));
      for (const wait of waits) {
        expect(listeners(controller.signal)).toBe(1);
        await advance(10);
        await wait;
      }
      expect(listeners(controller.signal)).toBe(0);
      const next = expect(turns.wait(place(10), signal)).rejects.toBe('next');
      controller.abort('next');
      await next;
      expect([given.length, listeners(controller.signal)]).toEqual([1, 0]);
    },
  );

  it('when closed ends every wait with SHUTTING_DOWN, also those to come, and gives the places back', async () => {
    const { signal } = new AbortController();
    const early = expect(turns.wait(place(50), watchSignal(signal))).rejects.toMatchObject({
      code: 'SHUTTING_DOWN',
    });
    turns.close();
    await early;
    const late = turns.wait(place(50), watchSignal(signal));
    await expect(late).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    expect([given.length, turns.waiting, listeners(signal), jest.getTimerCount()]).toEqual([2, 0, 0, 0]);
  });

  it('when closed still lets those start whose turn it is', async () => {
    turns.close();
    await turns.wait(place(0));
    expect(given).toEqual([]);
  });
});

describe('the heap of waiters', () => {
  interface Item extends HeapItem {
    readonly order: number;
  }

  it('is a sorted list through 10,000 random pushes and removals, equal times included', () => {
    const random = new Random(20_260_101);
    const heap = new WaiterHeap<Item>();
    const gone: Item[] = [];
    let sorted: Item[] = [];
    let removals = 0;
    for (let order = 0; order < 10_000; order++) {
      // More come than go at first, then the other way round.
      if (sorted.length === 0 || random.chance(order < 5000 ? 0.6 : 0.4)) {
        const item = { startAt: random.below(200), index: -1, arrival: -1, order };
        heap.push(item);
        sorted.push(item);
        sorted.sort((a, b) => a.startAt - b.startAt || a.order - b.order);
      } else {
        const item = random.chance(0.3) ? sorted[0]! : random.pick(sorted);
        expect(heap.remove(item)).toBe(true);
        sorted = sorted.filter((other) => other !== item);
        gone.push(item);
        removals++;
      }
      if (gone.length > 0 && random.chance(0.1)) expect(heap.remove(random.pick(gone))).toBe(false);
      if (heap.first !== sorted[0] || heap.size !== sorted.length)
        throw new Error(`differs at step ${order}`);
    }
    expect(removals).toBeGreaterThan(3000);
    const left: Item[] = [];
    for (let item = heap.first; item; item = heap.first) {
      heap.remove(item);
      left.push(item);
    }
    expect(left).toEqual(sorted);
    expect(new Set([...gone, ...left].map(({ index }) => index))).toEqual(new Set([-1]));
  });
});
