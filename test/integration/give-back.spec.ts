import { getEventListeners } from 'node:events';
import { describe, expect, it, jest } from '@jest/globals';
import { RateLimiterService } from '../../lib/index.js';
import { Limiter } from '../../lib/limiter/limiter.js';
import { PolicyRegistry } from '../../lib/limiter/policy-registry.js';
import { BackgroundWork } from '../../lib/limiter/waiting/background-work.js';
import { PlaceReturns } from '../../lib/limiter/waiting/place-returns.js';
import { Turns } from '../../lib/limiter/waiting/turns.js';
import { leakyBucket, tokenBucket } from '../../lib/options/make-policy.js';
import type { Store } from '../../lib/stores/store.interface.js';
import { eventually } from '../support/eventually.js';
import { ManualClock } from '../support/manual-clock.js';
import { Random } from '../support/oracle/scenario.js';
import { useStores } from '../support/stores.js';

const START = Date.UTC(2100, 0) * 1000;

// The clock of the store stands still, so that places can be counted to the tick; the waits are real.
const stores = useStores();

function serviceOn(store: Store): { service: RateLimiterService; turns: Turns; returns: PlaceReturns } {
  const returns = new PlaceReturns(store);
  const turns = new Turns(returns);
  const background = new BackgroundWork(new Turns(returns));
  return {
    service: new RateLimiterService(new Limiter(store), new PolicyRegistry(), turns, background),
    turns,
    returns,
  };
}

describe.each(stores.names)('when 500 of 1,000 waiters leave, on %s', (name) => {
  const line = leakyBucket({ name: 'line', capacity: 2000, rate: 125 });

  it('none of them runs, those who stay run once each in order, and the end of the line is free again', async () => {
    const { service, turns } = serviceOn(stores.make(name, new ManualClock(START)));
    const random = new Random(5);
    const controllers = Array.from({ length: 1000 }, () => new AbortController());
    const ran: number[] = [];
    const waits = controllers.map(({ signal }, i) =>
      service
        .run(line, 'all', () => ran.push(i), { signal })
        .then(
          () => 'ran',
          () => 'left',
        ),
    );
    await eventually(() => turns.waiting + ran.length === 1000, 'all have their places');
    // The last 200 leave one after another, and 300 of those before them; what has run by now stays.
    const leaving = new Set(Array.from({ length: 200 }, (_, i) => 800 + i));
    while (leaving.size < 500) leaving.add(400 + random.below(400));
    for (const i of [...leaving].sort((a, b) => a - b)) {
      controllers[i]!.abort();
      if (random.chance(0.05)) await new Promise((resolve) => setImmediate(resolve));
    }
    const last = Math.max(...[...controllers.keys()].filter((i) => !leaving.has(i)));
    // The next in line comes right after the last who has stayed: 8 ms a place.
    await eventually(
      async () => (await service.peek(line, 'all')).delayMs === (last + 1) * 8,
      'the run at the end of the line is free',
    );
    for (const i of leaving) controllers[i]!.abort();
    const ends = await Promise.all(waits);
    expect(ran).toEqual([...controllers.keys()].filter((i) => !leaving.has(i)));
    expect(ends.filter((end) => end === 'left')).toHaveLength(500);
    expect(await service.peek(line, 'all')).toMatchObject({ delayMs: (last + 1) * 8 });
  });

  it('a place in the middle is not handed out again', async () => {
    const { service, turns } = serviceOn(stores.make(name, new ManualClock(START)));
    const tokens = tokenBucket({ name: 'tokens', capacity: 1, rate: '1/h' });
    const [first, second] = [new AbortController(), new AbortController()];
    await service.consume(tokens, 'ada');
    const waits = [first, second].map(({ signal }) =>
      service.acquire(tokens, 'ada', { signal, maxWaitMs: 1e9 }).catch((reason: Error) => reason.name),
    );
    await eventually(() => turns.waiting === 2, 'both wait');
    const third = () => service.peek(tokens, 'ada', { cost: 0 });
    first.abort();
    expect(await waits[0]).toBe('AbortError');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await third()).toMatchObject({ resetAfterMs: 3 * 3_600_000 });
    // Promised places do not move.
    expect(await service.refund(tokens, 'ada', 1)).toBe(false);
    second.abort();
    expect(await waits[1]).toBe('AbortError');
    await eventually(async () => (await third()).resetAfterMs === 3_600_000, 'both places are free');
    expect(await service.refund(tokens, 'ada', 1)).toBe(true);
  });

  it('a signal that is aborted while the store is asked leaves nothing taken, though the turn had come', async () => {
    const { service } = serviceOn(stores.make(name, new ManualClock(START)));
    const tokens = tokenBucket({ name: 'tokens', capacity: 5, rate: '1/h' });
    const controller = new AbortController();
    const task = jest.fn();
    const asked = service.run(tokens, 'ada', task, { signal: controller.signal });
    controller.abort('too late');
    await expect(asked).rejects.toBe('too late');
    await eventually(
      async () => (await service.peek(tokens, 'ada', { cost: 0 })).remaining === 5,
      'the tokens are back',
    );
    expect(task).not.toHaveBeenCalled();
  });

  it('many waits share one listener on a signal', async () => {
    const { service, turns } = serviceOn(stores.make(name, new ManualClock(START)));
    const { signal } = new AbortController();
    const fast = tokenBucket({ name: 'fast', capacity: 1, rate: 25 });
    const waits = Array.from({ length: 20 }, () => service.acquire(fast, 'ada', { signal, maxWaitMs: 1000 }));
    await eventually(() => turns.waiting >= 15, 'most wait');
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    await Promise.all(waits);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});
