import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { Decision } from '../../../lib/index.js';
import { FullestBuckets } from '../../../lib/limiter/fullest-buckets.js';
import type { Candidate, Store } from '../../../lib/stores/store.interface.js';

type Told = [policy: string, ...buckets: string[]];

afterEach(() => {
  jest.restoreAllMocks();
});

/** A store that answers when it is told to, and the moment that the process believes to be in. */
function start(mode: 'noted' | 'listed' | 'off' = 'noted') {
  let now = 5000;
  jest.spyOn(performance, 'now').mockImplementation(() => now);
  const told: Told[] = [];
  const candidates: Candidate[] = [];
  let answer: (error?: Error) => void = () => undefined;
  const store = {
    remember(policy: string, some: readonly Candidate[]) {
      told.push([policy, ...some.map(({ bucket }) => bucket)]);
      candidates.push(...some);
      return new Promise<void>((resolve, reject) => {
        answer = (error) => (error ? reject(error) : resolve());
      });
    },
    bucketsOf: () => ['chat:{x}'],
  } as unknown as Store;
  const buckets = new FullestBuckets(store, mode);
  const note = (key: string, remaining = 0, policy = 'chat') =>
    buckets.note({ policy, key, limit: 10, remaining, resetAfterMs: 2000 } as Decision);
  const settled = async (error?: Error) => {
    answer(error);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { buckets, told, candidates, note, settled, pass: (ms: number) => (now += ms) };
}

describe('the fullest buckets', () => {
  it('are those that are at least half used, of keys whose names say what they are', () => {
    const { told, note } = start();
    note('idle', 6);
    note('k'.repeat(129));
    note('half', 5);

    expect(told).toEqual([['chat', 'chat:{half}']]);
  });

  it('are told with a decision once a second at most, each once, of each policy by itself', async () => {
    const { told, candidates, note, settled, pass } = start();
    note('ada');
    await settled();
    note('ada');
    note('grace');
    note('grace', 0, 'a b');
    pass(999);
    note('ada');
    expect(told).toHaveLength(1);

    pass(1);
    note('hopper');
    expect(told.slice(1)).toEqual([
      ['chat', 'chat:{grace}', 'chat:{ada}', 'chat:{hopper}'],
      ['a%20b', 'a%20b:{grace}'],
    ]);
    // Noted a second ago, so there is a second less to go.
    expect(candidates.map(({ fullAfterMs }) => fullAfterMs)).toEqual([2000, 1000, 1999, 2000, 1000]);
  });

  it('are told by one call at a time, however long that takes; what fails is noted again', async () => {
    const { told, note, settled, pass } = start();
    note('ada');
    pass(60_000);
    note('grace');
    expect(told).toHaveLength(1);

    await settled(new Error('the server has gone'));
    note('hopper');
    expect(told.slice(1)).toEqual([['chat', 'chat:{grace}', 'chat:{hopper}']]);
  });

  it('are a thousand at most between two calls: those that were asked for last', async () => {
    const { told, note, settled, pass } = start();
    note('first');
    await settled();
    for (let i = 0; i < 1500; i++) note(`key-${i}`);
    note('key-600');
    pass(1000);
    note('last');

    const [, ...names] = told[1]!;
    expect(names).toHaveLength(1000);
    expect([names[0], ...names.slice(-2)]).toEqual(['chat:{key-501}', 'chat:{key-600}', 'chat:{last}']);
  });

  it.each(['listed', 'off'] as const)('are not noted where that is %s', (mode) => {
    const { told, note } = start(mode);
    note('ada');

    expect(told).toEqual([]);
  });
});
